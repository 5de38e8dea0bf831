"""Write the rejections that deduplicating finds, and mark the rejections that repeat an open one."""

from typing import Final

from sqlalchemy import Connection, text

from flows.imports.statement_names import statement_names
from schemas.vocabulary import RejectionCode

REJECT_CONFLICTS: Final = """
    insert into rejections
        (import_id, file_id, row, line, byte_offset, code, message, field, value, raw, raw_length, raw_sha256)
    select :import_id, a.file_id, a.row, b.line, b.byte_offset, :code, :message, 'idempotencyKey',
           left(a.idempotency_key, 200), b.raw, b.raw_length, b.raw_sha256
    from settled s
    join contested a on a.file_id = s.file_id and a.row = s.row
    join {arrival_bytes} b on b.file_id = s.file_id and b.row = s.row
    where s.outcome = 'rejected'
"""

CLOSE_REREAD: Final = """
    update rejections r set closed_import_id = :import_id
    from import_files f
    where f.import_id = :import_id and r.file_id = f.file_id and r.import_id < :import_id and r.closed_import_id is null
"""

NOTE_REPEATS: Final = """
    update rejections r
    set repeats_import_id = first.import_id, repeats_file_id = first.file_id, repeats_row = first.row
    from (
        select distinct on (raw_sha256, raw_length, code) raw_sha256, raw_length, code, import_id, file_id, row
        from rejections
        where closed_import_id is null and repeats_import_id is null
            and raw_sha256 in (select raw_sha256 from rejections where import_id = :import_id)
        order by raw_sha256, raw_length, code, import_id, file_id, row
    ) first
    where r.import_id = :import_id and r.raw_sha256 = first.raw_sha256 and r.raw_length = first.raw_length
        and r.code = first.code and (r.import_id, r.file_id, r.row) <> (first.import_id, first.file_id, first.row)
"""


def reject_conflicts(connection: Connection, *, import_id: int) -> None:
    """Write the rejections of rows whose key is taken by another event; reads what :func:`settle` decided."""
    code = RejectionCode.CONFLICT
    connection.execute(
        text(REJECT_CONFLICTS.format(**statement_names(import_id))),
        {"import_id": import_id, "code": code.value, "message": code.sentence},
    )


def note_repeats(connection: Connection, *, import_id: int) -> None:
    """Note which rejections repeat an open one: equal in bytes and code; those of a file that was read again are closed."""
    connection.execute(text("analyze rejections"))
    for statement in (CLOSE_REREAD, NOTE_REPEATS):
        connection.execute(text(statement), {"import_id": import_id})
