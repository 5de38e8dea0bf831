"""Read the rejections of an import: one by one, or grouped by cause."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from flows.database.execute import execute
from flows.database.read import read_batches
from flows.history.runs import show_import
from transforms.statements import statements

SQL: Final = statements("flows/history/rejections.sql")

REJECTIONS_AT_ONCE: Final = 500
"""Rejections in memory at a time: 32 MiB of rows at most."""


def list_rejections(connection: Connection, import_id: int) -> Iterator[list[dict[str, Any]]]:
    """Return the rejections of an import by file and row, some at a time, since each may have 64 KiB.

    Raises ConfigurationError if there is no such import.
    """
    show_import(connection, import_id)
    return read_batches(
        connection, SQL["list_rejections"].fill(), {"import_id": import_id}, size=REJECTIONS_AT_ONCE
    )


def count_repeats(connection: Connection, import_id: int) -> dict[int, int]:
    """Return how many rejections of an import repeat an open one, by the import that lists it."""
    return dict(execute(connection, SQL["count_repeats"], import_id=import_id).tuples().all())


def group_rejections(connection: Connection, import_id: int) -> list[dict[str, Any]]:
    """Return the rejections of an import by cause; raises ConfigurationError if there is no such import."""
    show_import(connection, import_id)
    uris = execute(connection, SQL["read_uris"], import_id=import_id).tuples().all()
    return group_causes(connection, import_id, dict(uris))


def group_causes(connection: Connection, import_id: int, uris: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return the causes of an import's rejections, the most frequent first.

    Each has its number of rows, its code, its first message and its first three places. uris: the address of each file.
    """
    grouped = execute(connection, SQL["group_rejections"], import_id=import_id).mappings()
    return [
        {
            "rows": row["rows"],
            "code": row["code"],
            "first_message": row["first_message"],
            "examples": [
                {"uri": uris[file_id], "row": example}
                for file_id, example in zip(row["file_ids"], row["example_rows"], strict=True)
            ],
        }
        for row in grouped
    ]
