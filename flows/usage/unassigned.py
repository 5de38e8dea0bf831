"""Count and list the unassigned events: those that count on no line, by the first reason that holds."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from flows.catalog.lookup import CUSTOMERS_NAMED, refuse_unknown
from flows.database.execute import execute
from flows.usage.contract_times import lay_out_contracts
from flows.usage.rollup import MeterUse, count_unusable
from flows.usage.rollup_basis import read_state
from schemas.errors import ConfigurationError
from schemas.vocabulary import Unassigned
from transforms.statements import statements
from transforms.values.days import FIRST_INSTANT, day_of

SQL: Final = statements("transforms/usage/unassigned.sql")
OF_LAYER: Final = "m.layer = :layer"
OF_CUSTOMER: Final = f"cast(:customer as text) is null or m.customer_no in ({CUSTOMERS_NAMED})"


@dataclass(frozen=True)
class Assignment:
    """The events of an import that count: how many are on a line, and how many on none by reason."""

    on_line: int
    unassigned_by_reason: dict[str, int]
    meters: tuple[MeterUse, ...]
    """The meters that cannot use some of the events that they match."""

    @property
    def unusable(self) -> int:
        """Return the number of pairs of an event and a meter that cannot use it."""
        return sum(meter.unusable for meter in self.meters)


def count_assigned(connection: Connection, *, layer: int) -> Assignment:
    """Count the events of a layer on a line and on none; reads the tables of ``lay_out_contracts``."""
    _group_events(connection, OF_LAYER, layer=layer)
    by_reason = {row.reason: int(row.events) for row in execute(connection, SQL["count_by_reason"])}
    events = int(execute(connection, SQL["count_events"]).scalar_one())
    return Assignment(
        on_line=events - sum(by_reason.values()),
        unassigned_by_reason=by_reason,
        meters=count_unusable(connection, layer=layer),
    )


def list_unassigned(
    connection: Connection, *, customer: str | None, reason: str | None
) -> list[dict[str, Any]]:
    """Return the unassigned events by customer, event name and reason, as of the last publish.

    Raises ConfigurationError for an unknown reason or customer.
    """
    if reason is not None and reason not in set(Unassigned):
        raise ConfigurationError(f"unknown reason {reason!r}; there is {', '.join(Unassigned)}")
    refuse_unknown(connection, customer=customer)
    state = read_state(connection)
    if state is None:
        return []
    zone = state.billing_time_zone
    lay_out_contracts(connection, zone=zone, clock=FIRST_INSTANT)
    _group_events(connection, OF_CUSTOMER, customer=customer)
    rows = execute(connection, SQL["list_by_customer"], reason=reason)
    return [_with_days(dict(row), zone) for row in rows.mappings()]


def _group_events(connection: Connection, of_events: str, **values: object) -> None:
    execute(connection, SQL["group_events"], {"of_events": of_events}, **values)
    connection.execute(text("analyze event_groups"))


def _with_days(row: dict[str, Any], zone: str) -> dict[str, Any]:
    """Return a row with the days of the zone on which its first and its last event lie."""
    first_at, last_at = row.pop("first_at"), row.pop("last_at")
    return row | {"first_day": day_of(zone, first_at), "last_day": day_of(zone, last_at)}
