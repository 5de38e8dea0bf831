"""The rejections of an import can be read again: grouped by cause, one by one, and the repeats counted."""

import pytest
from sqlalchemy import Connection, create_engine, insert
from sqlalchemy.pool import NullPool

from flows.history.rejections import count_repeats, group_causes, group_rejections, list_rejections
from flows.history.runs import import_seconds, latest_clock, list_imports
from schemas.errors import ConfigurationError
from schemas.tables.imports import files, import_files, imports, mappings, rejections
from tests.flows.database.catalogs import CLOCK

MESSAGES = [
    'Customer not found: "a"',
    'Customer not found: "b" (did you mean "B": differs by case)',
    'Customer not found: "c \\" d"',
    "timestamp is before 2026-01-01",
    'Customer not found: "e"',
    "timestamp is before 2026-02-01",
]


def write_rejections(connection: Connection) -> None:
    """Two imports of one file each; the second repeats a rejection of the first."""
    connection.execute(insert(mappings).values(mapping_digest="m", document={}))
    for import_id, messages in ((1, MESSAGES), (2, MESSAGES[:1])):
        run = {
            "import_id": import_id,
            "kind": "import",
            "status": "published",
            "sources": [],
            "software": "x",
        }
        connection.execute(insert(imports).values(clock=CLOCK, **run))
        file = {"file_id": import_id, "uri": f"{import_id}.jsonl", "sha256": str(import_id), "size": 1}
        connection.execute(insert(files).values(mapping_digest="m", first_import_id=import_id, **file))
        connection.execute(
            insert(import_files).values(import_id=import_id, file_id=import_id, uri=f"{import_id}.jsonl")
        )
        for row, message in enumerate(messages, start=1):
            is_repeat = import_id == 2
            connection.execute(
                insert(rejections).values(
                    import_id=import_id,
                    file_id=import_id,
                    row=row,
                    code="timestamp_too_old" if message.startswith("timestamp") else "customer_not_found",
                    message=message,
                    raw_length=1,
                    raw_sha256=bytes([row]),
                    repeats_import_id=1 if is_repeat else None,
                    repeats_file_id=1 if is_repeat else None,
                    repeats_row=1 if is_repeat else None,
                )
            )


def test_rejections_are_grouped_listed_and_counted(database_url: str) -> None:
    """Messages that differ only in numbers and quoted values are one cause, shown by the first of them."""
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        write_rejections(connection)
        first, dated, near = group_rejections(connection, 1)
        assert (first["rows"], first["code"], first["first_message"]) == (
            3,
            "customer_not_found",
            MESSAGES[0],
        )
        assert first["examples"] == [{"uri": "1.jsonl", "row": row} for row in (1, 3, 5)]
        assert (dated["rows"], dated["first_message"]) == (2, MESSAGES[3])
        assert (near["rows"], near["first_message"]) == (1, MESSAGES[1])
        assert group_causes(connection, 1, {1: "elsewhere"})[2]["examples"] == [
            {"uri": "elsewhere", "row": 2}
        ]
        (listed,) = list_rejections(connection, 1)
        assert [(one["row"], one["repeats"]) for one in listed] == [
            (1, 1),
            *((row, 0) for row in range(2, 7)),
        ]
        assert list(list_rejections(connection, 2)) == []
        assert (count_repeats(connection, 1), count_repeats(connection, 2)) == ({}, {1: 1})
    engine.dispose()


def test_imports_are_listed_and_an_unknown_one_is_refused(database_url: str) -> None:
    """The latest first; the clock of history is that of what has been published."""
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        write_rejections(connection)
        assert [run["import_id"] for batch in list_imports(connection) for run in batch] == [2, 1]
        assert latest_clock(connection) is None
        assert import_seconds(connection, 1) is None
        connection.execute(imports.update().where(imports.c.import_id == 1).values(published_at=CLOCK))
        assert latest_clock(connection) == CLOCK
        with pytest.raises(ConfigurationError, match="there is no import 9"):
            group_rejections(connection, 9)
    engine.dispose()
