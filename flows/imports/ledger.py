"""Build the ledger of an import from those of its files, and store it."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, update

from flows.database.execute import execute
from flows.imports.begin import OpenImport
from flows.imports.deduplicate import Deduplication
from flows.imports.listing import SQL, ImportFile
from flows.output.instants import instant
from flows.output.wording import links_warning, unassigned_warning, useless_meter_warning
from flows.usage.unassigned import Assignment
from schemas.errors import UsageImportError
from schemas.ledger import FileLedger, Ledger, RowCounts
from schemas.tables.imports import import_files, imports
from schemas.vocabulary import ImportStatus
from transforms.imports.corrections import Corrections, own_correction_warning
from transforms.imports.readings import FileReading
from transforms.rows.counts import bounded_counts

METERS_NAMED: Final = 10
"""Meters that are warned of, of many."""


def write_ledger(connection: Connection, opened: OpenImport, ledger: Ledger) -> None:
    """Store the ledger with the import and with each of its files."""
    values: dict[str, Any] = {"ledger": asdict(ledger)}
    if ledger.status == ImportStatus.FAILED:
        values |= {"status": ledger.status, "failure": ledger.message, "finished_at": func.clock_timestamp()}
    connection.execute(update(imports).where(imports.c.import_id == opened.import_id).values(values))
    for file in ledger.files:
        if not file.is_unchanged:
            connection.execute(
                update(import_files)
                .where(import_files.c.import_id == opened.import_id, import_files.c.file_id == file.file_id)
                .values(ledger=asdict(file))
            )


def ledger_of(opened: OpenImport, deduplication: Deduplication) -> Ledger:
    """Return the ledger of an import from those of its files, in the order of their places."""
    ledger = Ledger(import_id=opened.import_id, clock=instant(opened.clock), warnings=_links_left_out(opened))
    for file in opened.files:
        counted = FileLedger() if file.is_unchanged else deduplication.files.get(file.file_id, FileLedger())
        counted.uri, counted.sha256, counted.size = file.source.uri, file.sha256, file.size
        counted.file_id, counted.is_unchanged = file.file_id, file.is_unchanged
        counted.replaces_import_id = file.replaces_import_id
        counted.set_aside = left_out_note(file)
        take_reading(counted, deduplication.readings.get(file.file_id), clock=opened.clock)
        ledger.files.append(counted)
        add_counts(ledger, counted)
    return ledger


def take_reading(file: FileLedger, reading: FileReading | None, *, clock: datetime) -> None:
    """Complete the ledger of a file by its first and last timestamp, and by warnings about the way it was read."""
    if reading is not None and not file.is_unchanged:
        file.first_event_at, file.last_event_at = (
            None if at is None else instant(at) for at in (reading.first_at, reading.last_at)
        )
        file.warnings += reading.warnings(clock)


def take_corrections(ledger: Ledger, corrections: Corrections, own_corrections: Mapping[int, int]) -> None:
    """Complete a ledger by how corrections change events, and by warnings about those that are worth a look."""
    ledger.moved_to_other_customer = corrections.moves_customer.rows
    ledger.warnings += corrections.warnings()
    for file in ledger.files:
        first = corrections.own.get(file.file_id or 0)
        if first:
            rows = own_corrections.get(file.file_id or 0, 0)
            file.warnings.append(own_correction_warning(file.rows, rows, first))


def note_set_aside(ledger: Ledger, reasons: Mapping[int, str]) -> None:
    """Complete a ledger by the reasons of the files that this import sets aside, by file_id."""
    for file in ledger.files:
        if not file.is_unchanged:
            file.set_aside = reasons.get(file.file_id or 0)


def is_nothing_left(ledger: Ledger) -> bool:
    """Return whether every file that the import read is set aside."""
    read = [file for file in ledger.files if not file.is_unchanged]
    return bool(read) and all(file.set_aside for file in read)


def refuse_unbalanced(ledger: Ledger) -> None:
    """Raise UsageImportError unless every row has exactly one outcome, per file and in all."""
    if not ledger.is_balanced or not all(file.is_balanced for file in ledger.files):
        raise UsageImportError(
            f"import {ledger.import_id}: rows and outcomes do not add up; nothing of it counts, report this"
        )


def take_assignment(ledger: Ledger, assignment: Assignment, *, limit: Decimal) -> None:
    """Complete a ledger by the events on a line and on none, with a warning if more than the limit are on none."""
    ledger.on_line = assignment.on_line
    ledger.unassigned_by_reason = assignment.unassigned_by_reason
    ledger.unusable = assignment.unusable
    unassigned = sum(assignment.unassigned_by_reason.values())
    if unassigned > limit * (unassigned + assignment.on_line):
        ledger.warnings.append(unassigned_warning(ledger, limit))
    useless = [meter for meter in assignment.meters if meter.unusable == meter.events]
    ledger.warnings += [
        useless_meter_warning(meter.code, meter.property, meter.events) for meter in useless[:METERS_NAMED]
    ]


def add_counts(total: RowCounts, counted: RowCounts) -> None:
    """Add the counts of a file to those of its import."""
    for name, value in asdict(RowCounts()).items():
        before, added = getattr(total, name), getattr(counted, name)
        setattr(total, name, bounded_counts([before, added]) if isinstance(value, dict) else before + added)


def unchanged_ledger(engine: Engine, opened: OpenImport) -> Ledger:
    """Return the ledger of an import whose files are all known: nothing was read."""
    file_ids = [file.file_id for file in opened.files]
    with engine.connect() as connection:
        import_id = execute(connection, SQL["last_import_of_files"], file_ids=file_ids).scalar_one()
    return Ledger(
        import_id=import_id,
        status=ImportStatus.UNCHANGED,
        clock=instant(opened.clock),
        files=[_unchanged_file(file) for file in opened.files],
        warnings=_links_left_out(opened),
    )


def left_out_note(file: ImportFile) -> str | None:
    """Return why a file is left out that an earlier import set aside, or None."""
    earlier = file.set_aside_import_id
    return (
        None if earlier is None else f"import {earlier} set it aside; name the file itself to read it again"
    )


def _links_left_out(opened: OpenImport) -> list[str]:
    return [links_warning(opened.links_left_out)] if opened.links_left_out else []


def _unchanged_file(file: ImportFile) -> FileLedger:
    return FileLedger(
        uri=file.source.uri,
        sha256=file.sha256,
        file_id=file.file_id,
        size=file.size,
        is_unchanged=True,
        set_aside=left_out_note(file),
    )
