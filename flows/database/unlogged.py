"""Create and drop the unlogged tables of a publish, which parallel workers of Postgres can read.

Parallel workers read no temporary table. Only one transaction publishes at a time; it drops these tables, or they
disappear when it is rolled back.
"""

from typing import Any, Final

from psycopg import ClientCursor
from psycopg import Connection as PsycopgConnection
from sqlalchemy import CompoundSelect, Connection, Select, TextClause, text
from sqlalchemy.sql.compiler import SQLCompiler

Selecting = Select[Any] | CompoundSelect[Any] | TextClause

NEVER_READ_TOGETHER: Final = "set local min_parallel_table_scan_size = '1TB'"
"""Makes one process read each part; if several read a part, one more gathers their rows, in twice the time."""

READ_TOGETHER: Final = "set local min_parallel_table_scan_size to default"


def create_as(connection: Connection, name: str, statement: Selecting, *, is_parted: bool) -> None:
    """Create an unlogged table with the rows of a statement. Unlike ``INSERT … SELECT``, it reads in parallel.

    is_parted: whether the statement is a union of parts, each of which one process makes.
    """
    if is_parted:
        connection.execute(text(NEVER_READ_TOGETHER))
    execute_bound(connection, f"create unlogged table {name} as", statement)
    connection.execute(text(READ_TOGETHER))


def execute_bound(connection: Connection, head: str, statement: Selecting) -> None:
    """Execute `head` and a statement, with its values put into the text by the driver.

    Postgres takes no parameters in ``CREATE TABLE AS``, and elsewhere at most 65,535; a catalog may filter by more values.
    """
    compiled = statement.compile(connection)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"{statement} is no SQL statement")
    expanded = compiled.construct_expanded_state()
    driver = connection.connection.driver_connection
    if not isinstance(driver, PsycopgConnection):
        raise TypeError(f"publishing needs psycopg, not {type(driver).__name__}")
    bound = {
        name: expanded.processors[name](value) if name in expanded.processors else value
        for name, value in expanded.parameters.items()
    }
    with ClientCursor(driver) as cursor:
        cursor.execute(f"{head} {expanded.statement}", bound)


def drop_scratch(connection: Connection, *names: str) -> None:
    """Drop tables that :func:`create_as` made."""
    connection.execute(text("drop table " + ", ".join(names)))
