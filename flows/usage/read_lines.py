"""Read the usage lines, the empty ones among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from flows.catalog.lookup import CUSTOMERS_NAMED, refuse_unknown
from flows.database.read import read_batches
from flows.history.runs import latest_clock
from flows.usage.contract_times import lay_out_contracts
from flows.usage.rollup_basis import read_state
from transforms.statements import statements
from transforms.values.ids import is_same_id

LINES_AT_ONCE: Final = 10_000
"""Lines in memory together, however many there are."""

PLAN_FOR_ALL_ROWS: Final = "set local cursor_tuple_fraction = 1"
"""By default Postgres plans a cursor for the first tenth of its rows."""

READ_LINES: Final = statements("transforms/usage/lines.sql")["read_lines"].fill(
    is_contract=is_same_id("c.id", ":contract")
)


@dataclass(frozen=True)
class UsageFilter:
    """The lines that are wanted; a value of None does not narrow them."""

    period: str | None = None
    customer: str | None = None
    contract: str | None = None
    meter: str | None = None


def read_usage(connection: Connection, wanted: UsageFilter) -> Iterator[list[dict[str, Any]]]:
    """Yield the wanted lines by contract, pricing, period and group, some at a time.

    Their columns are ``USAGE_COLUMNS``, and the days in the billing time zone on which the period begins and ends
    (exclusive). Instants are datetimes, the quantity is plain decimal text. Raises ConfigurationError for a filter that
    names nothing in the catalog.
    """
    refuse_unknown(connection, customer=wanted.customer, contract=wanted.contract, meter=wanted.meter)
    clock = latest_clock(connection)
    state = read_state(connection)
    if clock is None or state is None:
        return iter(())
    customer_nos = None
    if wanted.customer is not None:
        customer_nos = list(connection.scalars(text(CUSTOMERS_NAMED), {"customer": wanted.customer}))
    lay_out_contracts(connection, zone=state.billing_time_zone, clock=clock, customer_nos=customer_nos)
    values = {
        "clock": clock,
        "period": wanted.period,
        "customer_nos": customer_nos,
        "contract": wanted.contract,
        "meter": wanted.meter,
    }
    connection.execute(text(PLAN_FOR_ALL_ROWS))
    return read_batches(connection, READ_LINES, values, size=LINES_AT_ONCE)
