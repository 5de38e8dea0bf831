"""Read the history of imports, and the clock that it has reached."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from flows.database.execute import execute
from flows.database.import_lock import IMPORT_LOCK
from flows.database.read import read_batches
from schemas.errors import ConfigurationError
from transforms.statements import statements

SQL: Final = statements("flows/history/runs.sql")


IMPORTS_AT_ONCE: Final = 20
"""Imports in memory together: the ledger of each has all its files."""


def list_imports(connection: Connection) -> Iterator[list[dict[str, Any]]]:
    """Return imports and rollups with their ledgers, the latest first, some at a time."""
    values = {"is_at_work": is_import_at_work(connection)}
    return read_batches(connection, SQL["list_imports"].fill(), values, size=IMPORTS_AT_ONCE)


def first_imports(connection: Connection, *, limit: int | None) -> tuple[list[dict[str, Any]], int]:
    """Return the latest imports and rollups as a table shows them, and how many there are; limit: None for all."""
    is_at_work = is_import_at_work(connection)
    found = execute(connection, SQL["first_imports"], is_at_work=is_at_work, limit=limit)
    rows = [dict(row) for row in found.mappings()]
    return rows, rows[0]["total"] if rows else 0


def show_import(connection: Connection, import_id: int) -> dict[str, Any]:
    """Return one import with its ledger; raises ConfigurationError if there is none of that id."""
    is_at_work = is_import_at_work(connection)
    found = execute(connection, SQL["show_import"], import_id=import_id, is_at_work=is_at_work)
    row = found.mappings().first()
    if row is None:
        raise ConfigurationError(f"there is no import {import_id}; see 'usage-import imports'")
    return dict(row)


def is_import_at_work(connection: Connection) -> bool:
    """Return whether an import is at work in the database now."""
    return bool(execute(connection, SQL["is_import_at_work"], lock=IMPORT_LOCK).scalar_one())


def latest_clock(connection: Connection) -> datetime | None:
    """Return the greatest clock of any published import or rollup, None if nothing has been published."""
    clock: datetime | None = execute(connection, SQL["latest_clock"]).scalar()
    return clock


def import_seconds(connection: Connection, import_id: int) -> float | None:
    """Return how many seconds an import was at work, None if it has not ended."""
    seconds: float | None = execute(connection, SQL["import_seconds"], import_id=import_id).scalar_one()
    return seconds
