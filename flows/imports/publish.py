"""Publish: recompute the usage lines and mark the import as published.

Outcomes, folded usage, lines, ledger and the state of the import change in one transaction, or not at all.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from flows.database.execute import execute
from flows.database.unlogged import drop_scratch
from flows.history.runs import latest_clock
from flows.usage.contract_times import lay_out_contracts, write_boundaries
from flows.usage.extent import Extent, Scope
from flows.usage.lines import Publication, write_lines
from flows.usage.rollup import Arrived, roll_up
from flows.usage.rollup_basis import copy_catalog, find_customers_to_recompute, write_state
from flows.usage.unassigned import Assignment, count_assigned
from schemas.ledger import LineChanges
from schemas.tables.working_usage import event_facts
from transforms.statements import statements
from transforms.values.days import FIRST_INSTANT

WORKING_MEMORY: Final = "128MB"
"""Sorts and hashes of the publishing transaction; at the default of 4 MB they spill."""

STATISTICS_TARGET: Final = 10
"""Statistics from samples of 3,000 rows give the same plans; at the default of 100 they took a second per million rows."""

RANDOM_PAGE_COST: Final = 1.1
"""Pages that were just written are in memory. At the default of 4, 20 million rows were read to find 300,000 known ones."""

SQL: Final = statements("flows/imports/publish.sql")


@dataclass(frozen=True)
class Published:
    """The result of a publish: lines revised, and the events of the import on a line and on none."""

    lines: LineChanges
    assignment: Assignment


def publish(
    connection: Connection, scope: Scope, *, import_id: int, clock: datetime | None, arrived: Arrived | None
) -> Published:
    """Roll up the events that have arrived or were removed, or all events; revise the lines; mark the import as published.

    clock: the clock of an import or rollup, which moves that of the database; None for what moves no clock. arrived: the
    events of an import, if there are any. Reads the table ``removed_events``.
    """
    publication = Publication(
        import_id=import_id,
        publish_no=execute(connection, SQL["next_publish_no"]).scalar_one(),
        clock=greatest_clock(connection, clock),
    )
    is_catalog_changed = scope.extent is not Extent.ARRIVED
    find_customers_to_recompute(connection, is_catalog_changed=is_catalog_changed)
    if is_catalog_changed:
        copy_catalog(connection)
    lay_out_contracts(connection, zone=scope.state.billing_time_zone, clock=publication.clock)
    write_boundaries(connection)
    roll_up(connection, scope.rules, layer=import_id, arrived=arrived, extent=scope.extent)
    lines = write_lines(connection, publication, scope.extent)
    drop_scratch(connection, event_facts.name)
    assignment = count_assigned(connection, layer=import_id)
    write_state(connection, scope.state)
    execute(
        connection,
        SQL["mark_published"],
        import_id=import_id,
        publish_no=publication.publish_no,
        lines_changed=lines.total,
        catalog_version=scope.state.catalog_version,
    )
    return Published(lines, assignment)


def prepare(connection: Connection) -> None:
    """Set the memory and the planner's settings for a transaction that deduplicates, rolls up and publishes."""
    connection.execute(text(f"set local work_mem = '{WORKING_MEMORY}'"))
    connection.execute(text(f"set local maintenance_work_mem = '{WORKING_MEMORY}'"))
    connection.execute(text(f"set local default_statistics_target = {STATISTICS_TARGET}"))
    connection.execute(text(f"set local random_page_cost = {RANDOM_PAGE_COST}"))
    connection.execute(text("set local enable_mergejoin = off"))


def greatest_clock(connection: Connection, clock: datetime | None) -> datetime:
    """Return the greatest of `clock` and the clocks of all published imports and rollups; the first instant if there is none."""
    return max(filter(None, (clock, latest_clock(connection))), default=FIRST_INSTANT)
