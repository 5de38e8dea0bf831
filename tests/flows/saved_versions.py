"""Databases of earlier versions, saved as rows and as the answers of the commands, for the tests of migrations.

A migration must not change what an earlier version has billed. So the commit before a new migration saves a database of its
version: ``python -m tests.flows.saved_versions`` writes ``tests/flows/versions/<version>.sql`` and ``<version>.json``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Engine

import schemas.tables.catalog
import schemas.tables.events
import schemas.tables.imports
import schemas.tables.usage  # noqa: F401 (declares its tables)
from flows.database.connection import database_url
from flows.database.migrate import SCHEMA_VERSION, migrate
from flows.database.session import make_engine
from schemas.tables.metadata import metadata
from tests.flows.desk import CALLS, TOTAL, Desk, Event, catalog_of, event, meter
from tests.flows.warm_commands import warm_commands

VERSIONS = Path(__file__).parent / "versions"

FIRST_ROWS = [event(idempotencyKey=f"key-{n}", properties={"n": n, "g": f"é{n % 3}"}) for n in range(30)]
REJECTED_ROWS: list[Event] = [
    b'{"eventName": "call", broken \xff',
    event(externalCustomerId="nobody"),
    event(timestamp="not a time"),
]
SECOND_ROWS: list[Event] = [
    *FIRST_ROWS[:5],
    event(idempotencyKey="key-3", properties={"n": 50}),
    event(properties={"n": "12.50"}),
    event(externalCustomerId="bolt", properties={"n": "many"}),
    event(externalCustomerId="bolt", timestamp="2025-02-03T04:05:06Z"),
]


@contextmanager
def engine_on(url: str) -> Iterator[Engine]:
    """Give an engine on a database, as migrations need it."""
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def fill(desk: Desk) -> None:
    """Import files with every outcome: new, duplicate, corrected, rejected, unassigned, unusable, and a failed import."""
    desk.catalog(catalog_of(CALLS, TOTAL, meter("most", "MAX", "n", groupKeys=["g"])))
    desk.run(desk.write("first.jsonl", *FIRST_ROWS, *REJECTED_ROWS), "--max-rejected", "10%")
    desk.run(desk.write("second.jsonl", *SECOND_ROWS))
    desk.run(desk.write("third.jsonl", *REJECTED_ROWS), exit_code=1)


def answers(desk: Desk) -> dict[str, Any]:
    """Return what the commands that only read print as JSON, by command."""
    commands: list[tuple[str, ...]] = [("usage",), ("unassigned",), ("imports",), ("settings",)]
    for (import_id,) in desk.select("select import_id from imports order by import_id"):
        commands += [("imports", "show", str(import_id)), ("rejects", str(import_id))]
    found = {" ".join(command): desk(*command, "--json").json for command in commands}
    found["events"] = sorted(desk("events", "--limit", "1000", "--json").json, key=str)
    return found


def rows_as_sql(desk: Desk) -> str:
    """Return statements that insert all rows of a database of the newest version into an empty one of the same version."""
    statements: list[str] = []
    with desk.connected() as connection:
        for table in metadata.sorted_tables:
            name = sql.Identifier(table.name)
            [rows] = _row(connection, sql.SQL("select json_agg(t)::text from {} t").format(name))
            if rows is not None:
                insert = sql.SQL(
                    "insert into {0} overriding system value select * from json_populate_recordset(null::{0}, {1});"
                )
                statements.append(insert.format(name, sql.Literal(rows)).as_string(connection))
            statements += _sequences(connection, table.name)
    return "\n".join(statements) + "\n"


def _sequences(connection: psycopg.Connection[Any], table: str) -> list[str]:
    """Return statements that set the sequences of a table's columns."""
    statements = []
    for column in metadata.tables[table].columns:
        [sequence] = _row(
            connection, sql.SQL("select pg_get_serial_sequence({}, {})").format(table, column.name)
        )
        if sequence is not None:
            [last, is_called] = _row(
                connection, sql.SQL("select last_value, is_called from {}").format(sql.SQL(sequence))
            )
            statements.append(f"select setval('{sequence}', {last}, {str(is_called).lower()});")
    return statements


def _row(connection: psycopg.Connection[Any], query: sql.Composed) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(row)


def load(desk: Desk, version: str, rows: str) -> None:
    """Make an empty database one of ``version`` with these rows."""
    with engine_on(desk.database_url) as engine:
        migrate(engine, version=version)
    with desk.connected() as connection:
        connection.execute(rows.encode())


def save() -> None:
    """Fill a database of the newest version and save its rows and its answers."""
    with (
        tempfile.TemporaryDirectory() as folder,
        warm_commands(Path(folder, "warm")) as commands,
        database_url(Path(folder, "home"), environ={}) as url,
    ):
        desk = Desk(Path(folder), url, commands)
        fill(desk)
        VERSIONS.mkdir(exist_ok=True)
        (VERSIONS / f"{SCHEMA_VERSION}.sql").write_text(rows_as_sql(desk), encoding="utf-8")
        text = json.dumps(answers(desk), ensure_ascii=False, indent=1)
        (VERSIONS / f"{SCHEMA_VERSION}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    save()
