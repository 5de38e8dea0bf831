"""Execute the statements of ``.sql`` files."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, CursorResult, text

from transforms.statements import Statement


def execute(
    connection: Connection, statement: Statement, names: Mapping[str, str] | None = None, **values: Any
) -> CursorResult[Any]:
    """Execute a statement; `names` fill its braces, `values` are bound."""
    return connection.execute(text(statement.fill(**(names or {}))), values)
