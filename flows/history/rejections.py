"""Read the rejections of an import: one by one, or grouped by cause."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, text

from flows.database.read import read_batches
from flows.history.runs import show_import

REJECTIONS_AT_ONCE: Final = 500
"""Rejections held in memory together: 32 MiB of rows at most."""


LIST_REJECTIONS: Final = """
    select r.import_id, f.uri as file, r.file_id, r.row, r.line, r.byte_offset, r.code, r.message, r.field, r.value, r.raw,
           r.raw_length, encode(r.raw_sha256, 'hex') as raw_sha256, (
               select count(*) from rejections again
               where again.raw_sha256 = r.raw_sha256 and again.repeats_import_id = r.import_id
                   and again.repeats_file_id = r.file_id and again.repeats_row = r.row
           ) as repeats
    from rejections r join import_files f using (import_id, file_id)
    where r.import_id = :import_id and r.repeats_import_id is null order by r.file_id, r.row
"""

COUNT_REPEATS: Final = """
    select repeats_import_id as import_id, count(*) as rows from rejections
    where import_id = :import_id and repeats_import_id is not null group by 1 order by 1
"""

GROUP_REJECTIONS: Final = """
    with grouped as (
        select code, regexp_replace(message, '".*"|[0-9][0-9,.]*', '…', 'g') as cause, count(*) as rows,
               (array_agg(file_id order by file_id, row))[1:3] as file_ids,
               (array_agg(row order by file_id, row))[1:3] as example_rows,
               (array_agg(message order by file_id, row))[1] as first_message
        from rejections where import_id = :import_id group by 1, 2
    )
    select * from grouped order by rows desc, code, cause
"""
"""A cause is a message without its numbers and all that it quotes, which may hold quotes itself."""


def list_rejections(connection: Connection, import_id: int) -> Iterator[list[dict[str, Any]]]:
    """The rows an import set aside, by file and row; read some at a time, since each may have 64 KiB."""
    show_import(connection, import_id)
    return read_batches(connection, LIST_REJECTIONS, {"import_id": import_id}, size=REJECTIONS_AT_ONCE)


def count_repeats(connection: Connection, import_id: int) -> dict[int, int]:
    """How many rows an import set aside that repeat an open rejection, by the import that lists it."""
    return dict(connection.execute(text(COUNT_REPEATS), {"import_id": import_id}).tuples().all())


def group_rejections(connection: Connection, import_id: int) -> list[dict[str, Any]]:
    """An import's rejections by cause."""
    show_import(connection, import_id)
    files = connection.execute(
        text("select file_id, uri from import_files where import_id = :import_id"), {"import_id": import_id}
    )
    return group_causes(connection, import_id, dict(files.tuples().all()))


def group_causes(connection: Connection, import_id: int, uris: Mapping[int, str]) -> list[dict[str, Any]]:
    """Equal causes as one row each: code, how many rows, the first message, and where the first three are."""
    grouped = connection.execute(text(GROUP_REJECTIONS), {"import_id": import_id}).mappings()
    return [
        {
            "rows": row["rows"],
            "code": row["code"],
            "first_message": row["first_message"],
            "examples": [
                {"file": uris[file_id], "row": example}
                for file_id, example in zip(row["file_ids"], row["example_rows"], strict=True)
            ],
        }
        for row in grouped
    ]
