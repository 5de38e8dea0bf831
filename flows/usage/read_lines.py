"""Read the usage lines, the empty ones among them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, text

from flows.catalog.lookup import CUSTOMERS_NAMED, refuse_unknown
from flows.database.execute import execute
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

HASH_JOINS_ONLY: Final = "set local enable_nestloop = off"
"""Postgres takes the lines of few contracts for fewer than they are, and joins them one by one for seconds."""

FEW_CONTRACTS: Final = (50, 1_000)
"""Contracts whose lines are looked at for the first lines, before those of all: 720,000 lines took 3 s, these 0.2 s."""

DECIMAL_DIGITS: Final = 38
"""The digits of a decimal of 128 bits."""

SQL: Final = statements("flows/usage/read_lines.sql")
LINES: Final = statements("transforms/usage/lines.sql")
IS_CONTRACT: Final = is_same_id("c.id", ":contract")


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
    values = _lay_out(connection, wanted)
    return iter(()) if values is None else _read(connection, values)


def first_usage(connection: Connection, wanted: UsageFilter, *, number: int) -> list[dict[str, Any]]:
    """Return the first of the wanted lines in the order of ``read_usage``, at most `number`; keeps no working table."""
    is_narrow = wanted.customer is not None or wanted.contract is not None
    for contracts in () if is_narrow else FEW_CONTRACTS:
        first = dict(execute(connection, SQL["first_contracts"], contracts=contracts).tuples().all())
        lines = _first_of(connection, wanted, first, number=number)
        if len(lines) == number or len(first) < contracts:
            return lines
    return _first_of(connection, wanted, None, number=number)


def _first_of(
    connection: Connection, wanted: UsageFilter, customers: Mapping[int, int] | None, *, number: int
) -> list[dict[str, Any]]:
    """Return the first of the wanted lines of some contracts, which are given with their customers, or of all."""
    customer_nos = None if customers is None else sorted(set(customers.values()))
    with _laid_out(connection, wanted, customer_nos=customer_nos) as values:
        if values is None:
            return []
        chosen = values | {"contract_nos": None if customers is None else list(customers), "limit": number}
        connection.execute(text(HASH_JOINS_ONLY))
        rows = execute(connection, LINES["read_lines"], {"is_contract": IS_CONTRACT}, **chosen)
        return [dict(row) for row in rows.mappings()]


def count_usage(connection: Connection, wanted: UsageFilter) -> int:
    """Return the number of the wanted lines; keeps no working table."""
    row = _row_about(connection, wanted, "count_lines")
    return 0 if row is None else int(row.count)


def months_of_usage(connection: Connection, wanted: UsageFilter) -> tuple[str, str] | None:
    """Return the first and the last month in which a period of the lines starts, whatever month is wanted; None if there are none."""
    row = _row_about(connection, replace(wanted, period=None), "find_periods")
    return None if row is None or row.first is None else (row.first, row.last)


def quantity_scale(connection: Connection, wanted: UsageFilter) -> int | None:
    """Return the digits after the point with which every quantity of the wanted lines has at most 38 digits.

    None if one has more. Keeps no working table.
    """
    row = _row_about(connection, wanted, "measure_quantities")
    if row is None:
        return 0
    return None if row.before + row.after > DECIMAL_DIGITS else int(row.after)


def _row_about(connection: Connection, wanted: UsageFilter, statement: str) -> Any:
    """Return the one row of a statement about all wanted lines, None before the first publish."""
    with _laid_out(connection, wanted) as values:
        if values is None:
            return None
        del values["limit"]
        return execute(connection, LINES[statement], {"is_contract": IS_CONTRACT}, **values).one()


@contextmanager
def _laid_out(
    connection: Connection, wanted: UsageFilter, *, customer_nos: Sequence[int] | None = None
) -> Iterator[dict[str, Any] | None]:
    """Lay out the contracts of a filter while the context is open, and yield the values of the statements."""
    attempt = connection.begin_nested()
    try:
        yield _lay_out(connection, wanted, customer_nos=customer_nos)
    finally:
        attempt.rollback()


def _lay_out(
    connection: Connection, wanted: UsageFilter, *, customer_nos: Sequence[int] | None = None
) -> dict[str, Any] | None:
    """Lay out the contracts of a filter, and return the values of the statements; None before the first publish.

    customer_nos: the customers whose lines are read, if the filter names none.
    """
    refuse_unknown(connection, customer=wanted.customer, contract=wanted.contract, meter=wanted.meter)
    clock = latest_clock(connection)
    state = read_state(connection)
    if clock is None or state is None:
        return None
    read = None if customer_nos is None else list(customer_nos)
    if wanted.customer is not None:
        read = list(connection.scalars(text(CUSTOMERS_NAMED), {"customer": wanted.customer}))
    lay_out_contracts(connection, zone=state.billing_time_zone, clock=clock, customer_nos=read)
    return {
        "clock": clock,
        "period": wanted.period,
        "customer_nos": read,
        "contract": wanted.contract,
        "contract_nos": None,
        "meter": wanted.meter,
        "limit": None,
    }


def _read(connection: Connection, values: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    connection.execute(text(PLAN_FOR_ALL_ROWS))
    statement = LINES["read_lines"].fill(is_contract=IS_CONTRACT)
    return read_batches(connection, statement, values, size=LINES_AT_ONCE)
