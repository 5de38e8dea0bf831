"""Finish an import in one transaction: deduplicate, merge, roll up and publish."""

from sqlalchemy import Connection, Engine, func, update

from flows.catalog.read_catalog import catalog_frames
from flows.database.read import is_one_of
from flows.imports.begin import OpenImport
from flows.imports.conflicts import note_repeats, reject_conflicts
from flows.imports.deduplicate import settle
from flows.imports.ledger import ledger_of, write_ledger
from flows.imports.listing import ImportFile
from flows.imports.load import Catalogued, LoadOrder, Progress, load_file
from flows.imports.merge import merge, touch
from flows.imports.publish import prepare, publish
from flows.imports.staging import drop_staging
from flows.output.wording import refusal_message
from flows.sources.reading import ChunkSize
from flows.usage.extent import scope_of
from flows.usage.rollup import Arrived
from schemas.errors import UsageImportError
from schemas.ledger import Ledger
from schemas.tables.imports import files, imports
from schemas.vocabulary import ImportStatus, RejectionCode
from transforms.imports.acceptance import refuse_import


def load_import_file(
    engine: Engine, plan: OpenImport, file: ImportFile, *, chunk: ChunkSize, progress: Progress
) -> None:
    """Load one file of an import, going on from where an earlier attempt stopped."""
    order = LoadOrder(
        import_id=plan.import_id,
        file_id=file.file_id,
        source=file.source,
        mapping=plan.mapping,
        clock=plan.clock,
        chunk=chunk,
    )
    with engine.connect() as connection:
        catalog = catalog_frames(connection)
        connection.commit()
        load_file(connection, order, Catalogued(catalog.customers, catalog.contracts), progress=progress)


def finish_import(engine: Engine, plan: OpenImport) -> Ledger:
    """Settle, merge, roll up and publish in one transaction; the ledger of what came of it.

    An import above its limit of rejected rows ends as failed, with nothing loaded and its rejections kept: the ledger
    says so in ``status`` and ``message``.
    """
    with engine.begin() as connection:
        prepare(connection)
        settlement = settle(
            connection, import_id=plan.import_id, is_conflict_rejected=plan.mapping.rejects_conflicts
        )
        ledger = ledger_of(plan, settlement)
        if not ledger.is_balanced or not all(file.is_balanced for file in ledger.files):
            raise UsageImportError(
                f"import {plan.import_id}: rows and outcomes do not add up; nothing of it counts, report this"
            )
        if ledger.rejected_by_reason.get(RejectionCode.CONFLICT):
            reject_conflicts(connection, import_id=plan.import_id)
        if ledger.rejected:
            note_repeats(connection, import_id=plan.import_id)
        refusal = refuse_import(
            ledger,
            ledger.files,
            mapping=plan.mapping,
            max_rejected=plan.max_rejected,
            own_corrections=settlement.own_corrections,
        )
        if refusal is None:
            merge_and_publish(connection, plan, ledger)
        else:
            ledger.status, ledger.message = ImportStatus.FAILED, refusal_message(refusal, ledger)
        write_ledger(connection, plan, ledger)
        drop_staging(connection, plan.import_id)
    return ledger


def merge_and_publish(connection: Connection, plan: OpenImport, ledger: Ledger) -> None:
    """Merge and publish what was settled, and complete the ledger by what came of it."""
    scope = scope_of(connection)
    touch(connection)
    read = tuple(file.file_id for file in plan.files if not file.is_unchanged)
    is_any_current = bool(ledger.new or ledger.corrected)
    arrived = Arrived(read, merge(connection, import_id=plan.import_id, is_any_current=is_any_current))
    published = publish(connection, scope, import_id=plan.import_id, clock=plan.clock, arrived=arrived)
    ledger.status = ImportStatus.PUBLISHED
    ledger.lines_changed = published.lines_changed
    ledger.unassigned_by_reason = published.unassigned_by_reason
    ledger.unusable = published.unusable
    connection.execute(
        update(files).where(is_one_of(files.c.file_id, read)).values(published_import_id=plan.import_id)
    )


def fail_import(engine: Engine, plan: OpenImport, message: str) -> None:
    """End an import that cannot be read: nothing of it is loaded, its rejections are kept."""
    with engine.begin() as connection:
        connection.execute(
            update(imports)
            .where(imports.c.import_id == plan.import_id)
            .values(status=ImportStatus.FAILED, failure=message, finished_at=func.clock_timestamp())
        )
        drop_staging(connection, plan.import_id)
