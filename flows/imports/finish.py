"""Finish an import in one transaction: deduplicate, merge, roll up and publish."""

from sqlalchemy import Connection, Engine, func, update

from flows.catalog.staged import publish_staged
from flows.database.import_lock import ImportLock, locked_transaction
from flows.database.read import is_one_of
from flows.imports.begin import OpenImport
from flows.imports.conflicts import mark_repeated_rejections, reject_conflicts
from flows.imports.corrections import read_corrections
from flows.imports.deduplicate import deduplicate
from flows.imports.ledger import (
    is_nothing_left,
    ledger_of,
    note_set_aside,
    refuse_unbalanced,
    take_assignment,
    take_corrections,
    write_ledger,
)
from flows.imports.merge import list_removed_events, merge
from flows.imports.publish import greatest_clock, prepare, publish
from flows.imports.set_aside import reasons_by_file, set_aside
from flows.imports.staging import end_staging
from flows.imports.withdrawals import WithdrawsDueLinesError, refuse_withdrawals
from flows.output.instants import instant
from flows.output.wording import nothing_left_message, percent, refusal_message, rejected_share
from flows.usage.extent import scope_of
from flows.usage.rollup import Arrived
from schemas.ledger import Ledger
from schemas.tables.imports import files, imports
from schemas.vocabulary import ImportStatus, RejectionCode
from transforms.imports.acceptance import files_above_limit, refuse_import
from transforms.imports.corrections import Corrections


def finish_import(engine: Engine, opened: OpenImport, lock: ImportLock) -> Ledger:
    """Deduplicate, merge, roll up and publish what was loaded in one transaction; return the ledger.

    An import beyond a limit ends as failed, with nothing published and its rejections kept: the ledger says so in
    ``status`` and ``message``. Raises UsageImportError if rows and outcomes do not add up.
    """
    with locked_transaction(engine, lock) as connection:
        ledger = deduplicate_within_limit(connection, opened)
        if ledger.rejected:
            mark_repeated_rejections(connection, import_id=opened.import_id)
        if ledger.status != ImportStatus.FAILED:
            publish_or_refuse(connection, opened, ledger)
        write_ledger(connection, opened, ledger)
        end_staging(connection, opened.import_id)
    return ledger


def deduplicate_within_limit(connection: Connection, opened: OpenImport) -> Ledger:
    """Deduplicate an import, and set the files above the limit aside if that is asked for."""
    if not opened.set_aside:
        return deduplicate_import(connection, opened)
    while True:
        with connection.begin_nested() as attempt:
            ledger = deduplicate_import(connection, opened)
            above = files_above_limit(ledger.files, opened.max_rejected)
            if not above:
                return ledger
            attempt.rollback()
        for file in above:
            set_aside(
                connection,
                import_id=opened.import_id,
                file_id=file.file_id or 0,
                reason=f"{rejected_share(file)}, above the limit of {percent(opened.max_rejected)}",
                keeps_bytes=opened.mapping.rejects_conflicts,
            )


def deduplicate_import(connection: Connection, opened: OpenImport, *, is_registered: bool = True) -> Ledger:
    """Give every loaded row its outcome and return the ledger, with status FAILED and a message beyond a limit.

    is_registered: whether the import exists, so that the message may name it; a check has no import. Raises
    UsageImportError if rows and outcomes do not add up.
    """
    prepare(connection)
    deduplication = deduplicate(
        connection, import_id=opened.import_id, is_conflict_rejected=opened.mapping.rejects_conflicts
    )
    ledger = ledger_of(opened, deduplication)
    refuse_unbalanced(ledger)
    if is_registered:
        note_set_aside(ledger, reasons_by_file(connection, import_id=opened.import_id))
    else:
        ledger.import_id = None
    if ledger.rejected_by_reason.get(RejectionCode.CONFLICT):
        reject_conflicts(connection, import_id=opened.import_id)
    corrections = Corrections()
    if ledger.corrected:
        clock = greatest_clock(connection, opened.clock)
        corrections = read_corrections(connection, mapping_digest=opened.mapping.digest, clock=clock)
        take_corrections(ledger, corrections, deduplication.own_corrections)
    refusal = refuse_import(
        ledger,
        ledger.files,
        mapping=opened.mapping,
        max_rejected=opened.max_rejected,
        own_corrections=deduplication.own_corrections,
        readings=deduplication.readings,
        corrections=corrections,
    )
    if refusal is not None:
        ledger.status, ledger.message = ImportStatus.FAILED, refusal_message(refusal, ledger)
    elif is_nothing_left(ledger):
        ledger.status, ledger.message = ImportStatus.FAILED, nothing_left_message(ledger)
    return ledger


def publish_or_refuse(connection: Connection, opened: OpenImport, ledger: Ledger) -> None:
    """Publish an import; if its catalog would withdraw due lines, take all of it back and let the import fail."""
    if opened.catalog_digest is None:
        merge_and_publish(connection, opened, ledger)
        return
    try:
        with connection.begin_nested():
            merge_and_publish(connection, opened, ledger)
    except WithdrawsDueLinesError as error:
        ledger.status, ledger.message = ImportStatus.FAILED, str(error)


def merge_and_publish(connection: Connection, opened: OpenImport, ledger: Ledger) -> None:
    """Make the catalog of an import the catalog, merge its deduplicated rows, publish both, and complete the ledger."""
    staged = publish_staged(connection, opened.import_id)
    scope = scope_of(connection)
    list_removed_events(connection)
    left_out = [file.file_id for file in ledger.files if file.set_aside and not file.is_unchanged]
    read = tuple(
        file.file_id for file in opened.files if not file.is_unchanged and file.file_id not in left_out
    )
    is_any_current = bool(ledger.new or ledger.corrected)
    arrived = Arrived(read, merge(connection, import_id=opened.import_id, is_any_current=is_any_current))
    published = publish(connection, scope, import_id=opened.import_id, clock=opened.clock, arrived=arrived)
    if staged is not None:
        refuse_withdrawals(
            connection,
            published.lines,
            import_id=opened.import_id,
            cause=f"the catalog {staged.folder}",
            is_allowed=opened.allow_withdrawn,
            reason=opened.reason,
        )
    ledger.status = ImportStatus.PUBLISHED
    ledger.lines, ledger.lines_changed = published.lines, published.lines.total
    take_assignment(ledger, published.assignment, limit=opened.max_unassigned)
    for file_ids, values in (
        (read, {"published_import_id": opened.import_id, "set_aside_import_id": None}),
        (left_out, {"set_aside_import_id": opened.import_id}),
    ):
        connection.execute(update(files).where(is_one_of(files.c.file_id, file_ids)).values(values))


def fail_import(engine: Engine, opened: OpenImport, lock: ImportLock, message: str) -> Ledger:
    """End an import with a file that cannot be read: nothing of it is loaded, its rejections are kept."""
    with locked_transaction(engine, lock) as connection:
        connection.execute(
            update(imports)
            .where(imports.c.import_id == opened.import_id)
            .values(status=ImportStatus.FAILED, failure=message, finished_at=func.clock_timestamp())
        )
        end_staging(connection, opened.import_id)
    return Ledger(
        import_id=opened.import_id, status=ImportStatus.FAILED, clock=instant(opened.clock), message=message
    )
