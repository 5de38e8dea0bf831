"""Checking: an import in all but its effect, into temporary tables that end with the connection."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from flows.catalog.read_catalog import catalog_frames
from flows.history.rejections import group_causes
from flows.imports.begin import OpenImport, plan_import
from flows.imports.conflicts import reject_conflicts
from flows.imports.deduplicate import settle
from flows.imports.ledger import ledger_of
from flows.imports.listing import identify_sources
from flows.imports.load import Catalogued, LoadOrder, load_file
from flows.imports.publish import prepare
from flows.imports.request import ImportRequest, Pace
from flows.output.progress import ProgressDisplay
from flows.output.wording import refusal_message
from schemas.ledger import Ledger
from schemas.tables.events import arrival_bytes, arrivals, events
from schemas.tables.imports import chunks, rejections
from schemas.vocabulary import ImportStatus
from transforms.imports.acceptance import refuse_import


@dataclass(frozen=True)
class Checked:
    """What an import would do: its ledger, and its rejections by cause."""

    ledger: Ledger
    rejections: list[dict[str, Any]]


def check_sources(engine: Engine, request: ImportRequest, *, pace: Pace, display: ProgressDisplay) -> Checked:
    """Read, sift and settle some sources as an import would, and write nothing."""
    hashed = identify_sources(request.sources)
    with engine.connect() as connection:
        plan = plan_import(connection, request, hashed)
        shadow(connection, plan.import_id)
        catalog = catalog_frames(connection)
        connection.commit()
        for file in plan.files:
            if not file.is_unchanged:
                order = LoadOrder(
                    import_id=plan.import_id,
                    file_id=file.file_id,
                    source=file.source,
                    mapping=plan.mapping,
                    clock=plan.clock,
                    chunk=pace.chunk(files=1),
                )
                catalogued = Catalogued(catalog.customers, catalog.contracts)
                progress = display.file(file.source.uri, size=file.size)
                load_file(connection, order, catalogued, progress=progress)
        with connection.begin():
            return settle_checked(connection, plan)


def shadow(connection: Connection, import_id: int) -> None:
    """Put temporary tables before those that loading and settling write to."""
    for name in (chunks.name, rejections.name):
        connection.execute(text(f"create temporary table {name} (like {name} including defaults)"))
    connection.execute(text(f"create temporary table {arrivals(import_id).name} (like {events.name})"))
    arrival_bytes(import_id, is_temporary=True).create(connection, checkfirst=False)


def settle_checked(connection: Connection, plan: OpenImport) -> Checked:
    """Settle what was loaded into the temporary tables."""
    prepare(connection)
    is_rejecting = plan.mapping.rejects_conflicts
    settlement = settle(connection, import_id=plan.import_id, is_conflict_rejected=is_rejecting)
    if is_rejecting:
        reject_conflicts(connection, import_id=plan.import_id)
    ledger = ledger_of(plan, settlement)
    ledger.import_id = None
    refusal = refuse_import(
        ledger,
        ledger.files,
        mapping=plan.mapping,
        max_rejected=plan.max_rejected,
        own_corrections=settlement.own_corrections,
    )
    ledger.message = None if refusal is None else refusal_message(refusal, ledger)
    ledger.status = ImportStatus.PUBLISHED if refusal is None else ImportStatus.FAILED
    if plan.is_unchanged:
        ledger.status = ImportStatus.UNCHANGED
    uris = {file.file_id: file.source.uri for file in plan.files}
    return Checked(ledger, group_causes(connection, plan.import_id, uris))
