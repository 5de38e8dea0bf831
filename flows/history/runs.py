"""Read the history of imports, and the clock that it has reached."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from flows.database.execute import execute
from schemas.errors import ConfigurationError
from transforms.statements import statements

SQL: Final = statements("flows/history/runs.sql")


def list_imports(connection: Connection) -> list[dict[str, Any]]:
    """Return imports and rollups, the latest first."""
    return [dict(row) for row in execute(connection, SQL["list_imports"]).mappings()]


def show_import(connection: Connection, import_id: int) -> dict[str, Any]:
    """Return one import with its ledger; raises ConfigurationError if there is none of that id."""
    row = execute(connection, SQL["show_import"], import_id=import_id).mappings().first()
    if row is None:
        raise ConfigurationError(f"there is no import {import_id}; see 'usage-import imports'")
    return dict(row)


def latest_clock(connection: Connection) -> datetime | None:
    """Return the greatest clock of any published import or rollup, None if nothing has been published."""
    clock: datetime | None = execute(connection, SQL["latest_clock"]).scalar()
    return clock


def import_seconds(connection: Connection, import_id: int) -> float | None:
    """Return how many seconds an import took, None if it has not ended."""
    seconds: float | None = execute(connection, SQL["import_seconds"], import_id=import_id).scalar_one()
    return seconds
