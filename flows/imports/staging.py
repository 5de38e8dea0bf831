"""Staging: the tables in which the rows of an import wait until they are published."""

import re
from typing import Final

from sqlalchemy import Connection, inspect, select, text

from flows.database.exclusive import try_lock_exclusive
from schemas.tables.events import arrival_bytes, arrivals, events
from schemas.tables.imports import imports
from schemas.vocabulary import ImportStatus

STAGE: Final = "create table {arrivals} (like {events}) with (autovacuum_enabled = false)"
"""A vacuum of rows that will be moved or dropped competes with the load, and keeps the publish waiting for a second."""

STAGED: Final = re.compile(r"arrival(?:s|_bytes)_(\d+)")
"""What the staging tables of an import are called, and its number in that."""


def create_staging(connection: Connection, import_id: int, *, keeps_bytes: bool) -> None:
    """Make the staging tables of an import, and drop those of earlier ones that somebody was reading as they ended."""
    told = map(STAGED.fullmatch, inspect(connection).get_table_names())
    ended = select(imports.c.import_id).where(
        imports.c.import_id.in_({int(match[1]) for match in told if match}),
        imports.c.status.not_in([ImportStatus.LOADING, ImportStatus.HELD]),
    )
    for left in connection.scalars(ended).all():
        drop_staging(connection, left)
    connection.execute(text(STAGE.format(arrivals=arrivals(import_id).name, events=events.name)))
    if keeps_bytes:
        arrival_bytes(import_id).create(connection)


def drop_staging(connection: Connection, import_id: int) -> None:
    """Drop the staging tables of an import; one that somebody reads is left to the next import."""
    for staged in (arrivals(import_id), arrival_bytes(import_id)):
        if inspect(connection).has_table(staged.name) and try_lock_exclusive(connection, staged):
            staged.drop(connection)
