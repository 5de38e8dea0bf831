"""Filling: tables that are written anew as a whole, or nearly, get their indexes when they are full.

That takes a table for oneself. Whoever reads it meanwhile, as a backup does for hours, is not waited for: then its rows are
deleted or written one by one, which takes longer and comes to the same.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Final

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import AddConstraint, DropConstraint

PATIENCE: Final = "2s"
"""A vacuum that Postgres began by itself gives way after one second."""


def try_lock_exclusive(connection: Connection, *tables: Table) -> bool:
    """Whether nobody is at work in the tables; they are then kept from everybody until the transaction ends."""
    try:
        with connection.begin_nested():
            connection.execute(text(f"set local lock_timeout = '{PATIENCE}'"))
            for table in tables:
                connection.execute(text(f"lock table {table.name} in access exclusive mode"))
            connection.execute(text("set local lock_timeout to default"))
    except OperationalError as error:
        # A deadlock is with a reader that waits for a table we hold: here it is we who give way.
        if not isinstance(error.orig, LockNotAvailable | DeadlockDetected):
            raise
        return False
    return True


def empty(connection: Connection, *tables: Table) -> bool:
    """Empty the tables; whether nobody was at work in them, as :func:`try_lock_exclusive` says."""
    is_own = try_lock_exclusive(connection, *tables)
    for table in tables:
        connection.execute(text(f"truncate {table.name}" if is_own else f"delete from {table.name}"))
    return is_own


@contextmanager
def filling(connection: Connection, *tables: Table) -> Iterator[None]:
    """Empty the tables, and make their keys and indexes when the block has filled them."""
    with _made_after(connection, tables) if empty(connection, *tables) else nullcontext():
        yield


@contextmanager
def unindexed(connection: Connection, *tables: Table) -> Iterator[None]:
    """Let the block write many rows into the tables, and make their keys and indexes anew after it."""
    with _made_after(connection, tables) if try_lock_exclusive(connection, *tables) else nullcontext():
        yield


@contextmanager
def _made_after(connection: Connection, tables: Sequence[Table]) -> Iterator[None]:
    """Drop the keys and indexes of tables, and make them again after the block.

    Grown row by row, in their order, the key and the index of 4 million lines took 9 s, and made at once 2 s.
    """
    keys = [table.primary_key for table in tables if table.primary_key.columns]
    indexes = [index for table in tables for index in table.indexes]
    for key in keys:
        connection.execute(DropConstraint(key, isolate_from_table=False))
    for index in indexes:
        index.drop(connection)
    yield
    for key in keys:
        connection.execute(AddConstraint(key, isolate_from_table=False))
    for index in indexes:
        index.create(connection)
