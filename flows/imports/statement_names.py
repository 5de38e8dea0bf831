"""The names that statements about one import leave open: its staging tables, and lists of columns."""

from typing import Final

from sqlalchemy import Connection, Dialect, literal_column, text
from sqlalchemy.dialects import postgresql

from schemas.tables.events import EVENT_COLUMNS, EVENTS_FILL, arrival_bytes, arrivals
from transforms.identity.keys import ordinal_key


def statement_names(import_id: int) -> dict[str, str]:
    """What the statements above leave open: the import's own tables, and lists of columns."""
    ordinal = ordinal_key(literal_column("a.key"), literal_column("numbered.ordinal"))
    return {
        "arrivals": arrivals(import_id).name,
        "events_fill": str(EVENTS_FILL),
        "arrival_bytes": arrival_bytes(import_id).name,
        "columns": ", ".join(EVENT_COLUMNS),
        "a_columns": ", ".join(f"a.{column}" for column in EVENT_COLUMNS),
        "e_columns": ", ".join(f"e.{column}" for column in EVENT_COLUMNS),
        "same_content": SAME_CONTENT,
        "ordinal_key": str(ordinal.compile(dialect=POSTGRES, compile_kwargs={"literal_binds": True})),
    }


POSTGRES: Final[Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call]


def execute_all(connection: Connection, names: dict[str, str], *statements: str, **values: int) -> None:
    """Execute statements in which the table names of an import are left open."""
    for statement in statements:
        connection.execute(text(statement.format(**names)), values)


SAME_CONTENT: Final = """
    a.customer_no = e.customer_no and a.event_name = e.event_name and a.is_deleted = e.is_deleted
    and a.is_timestamp_omitted = e.is_timestamp_omitted and (a.is_timestamp_omitted or a.at = e.at)
    and a.contract_no is not distinct from e.contract_no and a.properties = e.properties
"""
"""Same resolved customer, name, instant (or omitted), contract and properties as JSON values (``DOMAIN`` of events)."""
