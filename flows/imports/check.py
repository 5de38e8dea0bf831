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
from flows.imports.listing import identify_sources, next_id
from flows.imports.load import load_file, load_order
from flows.imports.request import ImportRequest, Pace
from flows.output.progress import ProgressDisplay
from schemas.ledger import Ledger
from schemas.tables.events import arrival_bytes, arrivals, events
from schemas.tables.imports import chunks, imports, rejections
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
        with connection.begin(), display.stage("deduplicating"):
            return deduplicate_checked(connection, opened)


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
        load_file(connection, order, catalog, progress=progress)


def deduplicate_checked(connection: Connection, opened: OpenImport) -> CheckResult:
    """Give every row in the temporary tables its outcome, and return what an import of them would show."""
    ledger = deduplicate_import(connection, opened, is_registered=False)
    if opened.is_unchanged:
        ledger.status = ImportStatus.UNCHANGED
    elif ledger.status != ImportStatus.FAILED:
        ledger.status = ImportStatus.PUBLISHED
    uris = {file.file_id: file.source.uri for file in opened.files}
    return CheckResult(ledger, group_causes(connection, opened.import_id, uris))
