"""Check sources: find the outcomes that an import of them would have, in temporary tables that end with the connection.

A check reads, loads and deduplicates by the functions of an import, and leaves out what an import commits. It is no runner
of `run_import`: three of the five stages would need another function (no lock, nothing registered, nothing published),
and temporary tables belong to one connection, while a stage takes an engine so that it can run in another process.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from flows.catalog.read_catalog import catalog_frames
from flows.history.rejections import group_causes
from flows.imports.begin import OpenImport, open_import
from flows.imports.finish import deduplicate_import
from flows.imports.ledger import take_assignment
from flows.imports.listing import identify_sources, next_id
from flows.imports.load import load_file, load_order
from flows.imports.merge import keep_counted
from flows.imports.publish import greatest_clock
from flows.imports.request import ImportRequest, Pace
from flows.output.progress import ProgressDisplay
from flows.usage.contract_times import lay_out_contracts, write_boundaries
from flows.usage.extent import Extent, scope_of
from flows.usage.rollup import Arrived, roll_up
from flows.usage.rollup_basis import find_customers_to_recompute
from flows.usage.unassigned import count_assigned
from schemas.ledger import Ledger
from schemas.tables.events import arrival_bytes, arrivals, events
from schemas.tables.imports import chunks, files, imports, rejections
from schemas.tables.usage import customer_boundaries, folded_matches, folded_usage
from schemas.tables.working import removed_events
from schemas.vocabulary import ImportStatus


@dataclass(frozen=True)
class CheckResult:
    """The effect that an import would have: its ledger, and its rejections by cause."""

    ledger: Ledger
    rejections: list[dict[str, Any]]


def check_sources(
    engine: Engine, request: ImportRequest, *, pace: Pace, display: ProgressDisplay
) -> CheckResult:
    """Read, sift and deduplicate some sources as an import would, and write nothing.

    Raises UsageImportError if there is no catalog, if a file cannot be read, or if rows and outcomes do not add up.
    """
    with display.stage("hashing"):
        hashed = identify_sources(request.sources)
    with engine.connect() as connection:
        opened = open_import(connection, request, hashed, import_id=next_id(connection, imports.c.import_id))
        shadow_tables(connection, opened.import_id)
        connection.commit()
        load_checked(connection, opened, pace=pace, display=display)
        with connection.begin() as transaction, display.stage("deduplicating"):
            checked = deduplicate_checked(connection, opened)
            transaction.rollback()
            return checked


def shadow_tables(connection: Connection, import_id: int) -> None:
    """Create temporary tables in front of those that loading and deduplicating write to."""
    for name in (chunks.name, rejections.name):
        connection.execute(text(f"create temporary table {name} (like {name} including defaults)"))
    connection.execute(text(f"create temporary table {arrivals(import_id).name} (like {events.name})"))
    arrival_bytes(import_id, is_temporary=True).create(connection, checkfirst=False)


def load_checked(connection: Connection, opened: OpenImport, *, pace: Pace, display: ProgressDisplay) -> None:
    """Load the files that are not known yet into the temporary tables, one after another."""
    files = [file for file in opened.files if not file.is_unchanged]
    display.expect(sum(file.size for file in files), files=len(files))
    catalog = catalog_frames(connection)
    connection.commit()
    for file in files:
        order = load_order(opened, file, pace.chunk(files=1))
        progress = display.file(file.source.uri, size=file.size)
        load_file(connection, order, catalog, None, progress=progress)


def deduplicate_checked(connection: Connection, opened: OpenImport) -> CheckResult:
    """Give every row in the temporary tables its outcome, and return what an import of them would show."""
    ledger = deduplicate_import(connection, opened, is_registered=False)
    if opened.is_unchanged:
        ledger.status = ImportStatus.UNCHANGED
    elif ledger.status != ImportStatus.FAILED:
        ledger.status = ImportStatus.PUBLISHED
    uris = {file.file_id: file.source.uri for file in opened.files}
    causes = group_causes(connection, opened.import_id, uris)
    if ledger.status == ImportStatus.PUBLISHED and (ledger.new or ledger.corrected):
        assign_checked(connection, opened, ledger)
    return CheckResult(ledger, causes)


def assign_checked(connection: Connection, opened: OpenImport, ledger: Ledger) -> None:
    """Count the events that an import would have on a line and on none, in temporary copies of what it would write.

    The caller rolls the transaction back.
    """
    for table in (files, customer_boundaries, folded_usage, folded_matches):
        connection.execute(text(f"create temporary table {table.name} (like {table.name} including all)"))
    removed_events.create(connection, checkfirst=False)
    scope = scope_of(connection)
    lay_out_contracts(
        connection, zone=scope.state.billing_time_zone, clock=greatest_clock(connection, opened.clock)
    )
    write_boundaries(connection)
    find_customers_to_recompute(connection, is_catalog_changed=False)
    arrived = Arrived((), keep_counted(connection, import_id=opened.import_id))
    roll_up(connection, scope.rules, layer=opened.import_id, arrived=arrived, extent=Extent.ARRIVED)
    take_assignment(ledger, count_assigned(connection, layer=opened.import_id), limit=opened.max_unassigned)
