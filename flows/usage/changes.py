"""Read the usage lines that an import changed, with their values before and after."""

from typing import Any, Final

from sqlalchemy import Connection

from flows.database.execute import execute
from flows.history.runs import latest_clock
from transforms.statements import statements

SQL: Final = statements("flows/usage/lines.sql")


def largest_changes(connection: Connection, import_id: int, *, limit: int) -> list[dict[str, Any]]:
    """Return the lines that an import changed, at most `limit`, those with the most events first."""
    rows = execute(connection, SQL["largest_changes"], import_id=import_id, limit=limit)
    return [dict(row) for row in rows.mappings()]


def withdrawn_due_lines(connection: Connection, import_id: int, *, limit: int) -> list[dict[str, Any]]:
    """Return the due lines with events that an import withdrew, at most `limit`, those with the most events first."""
    rows = execute(
        connection,
        SQL["withdrawn_due_lines"],
        import_id=import_id,
        clock=latest_clock(connection),
        limit=limit,
    )
    return [dict(row) for row in rows.mappings()]
