"""Publish: outcomes, folded usage, lines, ledger and the import's state change in one transaction, or not at all."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from flows.database.unlogged import drop_scratch
from flows.history.runs import latest_clock
from flows.usage.contract_times import place_contracts, write_boundaries
from flows.usage.extent import Scope
from flows.usage.lines import Publication, write_lines
from flows.usage.rollup import Arrived, count_unusable, roll_up
from flows.usage.rollup_basis import keep_catalog, keep_state
from flows.usage.unassigned import count_by_reason
from schemas.vocabulary import ImportStatus
from transforms.usage.facts import FACTS_TABLE

WORKING_MEMORY: Final = "128MB"
"""Sorts and hashes of the publishing transaction; at the default of 4 MB they spill."""

STATISTICS_TARGET: Final = 10
"""Samples of 3,000 rows plan as well; at the default of 100, statistics took a second of every million rows."""

RANDOM_PAGE_COST: Final = 1.1
"""What was just written is in memory. At the default of 4, 300,000 known rows were sought by reading 20 million."""

NEXT_PUBLISH: Final = "select coalesce(max(publish_no), 0) + 1 from imports"

STAMP: Final = """
    update imports set status = :status, publish_no = :publish_no, finished_at = clock_timestamp(),
        lines_changed = :lines_changed, catalog_version = :catalog_version,
        published_at = greatest(clock_timestamp(), (select max(published_at) + interval '1 microsecond' from imports))
    where import_id = :import_id
"""


@dataclass(frozen=True)
class Published:
    """What publishing did: lines revised, and this import's events that count nowhere or that a meter cannot use."""

    lines_changed: int
    unassigned_by_reason: dict[str, int]
    unusable: int


def publish(
    connection: Connection, scope: Scope, *, import_id: int, clock: datetime, arrived: Arrived | None
) -> Published:
    """Roll up what has arrived and what the table ``touched`` says, or everything, revise the lines, and let it count.

    arrived: the events of an import, which the ledger counts apart; a rollup has none.
    """
    rules = scope.rules
    publication = Publication(
        import_id=import_id,
        publish_no=connection.scalar(text(NEXT_PUBLISH)) or 1,
        clock=greatest_clock(connection, clock),
    )
    if scope.is_everyone:
        keep_catalog(connection)
    place_contracts(connection, zone=scope.state.billing_time_zone, clock=publication.clock)
    write_boundaries(connection)
    roll_up(
        connection,
        rules,
        layer=import_id,
        arrived=arrived,
        is_everything=scope.is_everything,
        is_recut=scope.is_everyone,
    )
    lines_changed = write_lines(connection, rules, publication, is_everyone=scope.is_everyone)
    drop_scratch(connection, FACTS_TABLE)
    unassigned = count_by_reason(connection, layer=import_id) if arrived else {}
    keep_state(connection, scope.state)
    stamp = {
        "status": ImportStatus.PUBLISHED,
        "publish_no": publication.publish_no,
        "lines_changed": lines_changed,
    }
    connection.execute(
        text(STAMP), stamp | {"import_id": import_id, "catalog_version": scope.state.catalog_version}
    )
    return Published(lines_changed, unassigned, count_unusable(connection, layer=import_id))


def prepare(connection: Connection) -> None:
    """Give the transaction the memory that settling and rolling up work in, and the statistics they are planned by."""
    connection.execute(text(f"set local work_mem = '{WORKING_MEMORY}'"))
    connection.execute(text(f"set local maintenance_work_mem = '{WORKING_MEMORY}'"))
    connection.execute(text(f"set local default_statistics_target = {STATISTICS_TARGET}"))
    connection.execute(text(f"set local random_page_cost = {RANDOM_PAGE_COST}"))
    connection.execute(text("set local enable_mergejoin = off"))


def greatest_clock(connection: Connection, clock: datetime) -> datetime:
    """The greatest clock of any published import or rollup, and of the one at work."""
    published = latest_clock(connection)
    return clock if published is None else max(clock, published)
