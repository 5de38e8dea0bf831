"""Create and drop the staging tables, in which the rows of an import wait until they are published."""

import re
from typing import Final

from sqlalchemy import Connection, inspect, select, text

from flows.catalog.staged import drop_staged_catalog
from flows.database.exclusive import try_lock_exclusive
from schemas.tables.events import arrival_bytes, arrivals, events
from schemas.tables.imports import imports
from schemas.vocabulary import ImportStatus

STAGE: Final = "create table {arrivals} (like {events}) with (autovacuum_enabled = false)"
"""Without autovacuum: a vacuum of rows that will be moved or dropped slows the load, and delays the publish by a second."""

STAGED: Final = re.compile(r"arrival(?:s|_bytes)_(\d+)")
"""Names of staging tables, with the id of their import."""


def create_staging(connection: Connection, import_id: int, *, keeps_bytes: bool) -> None:
    """Create the staging tables of an import, and drop those that earlier imports had to leave behind.

    keeps_bytes: whether the original bytes of accepted rows are kept, for rows that a conflict will reject.
    """
    matches = map(STAGED.fullmatch, inspect(connection).get_table_names())
    ended = select(imports.c.import_id).where(
        imports.c.import_id.in_({int(match[1]) for match in matches if match}),
        imports.c.status.not_in([ImportStatus.LOADING, ImportStatus.HELD]),
    )
    for ended_id in connection.scalars(ended).all():
        drop_staging(connection, ended_id)
    connection.execute(text(STAGE.format(arrivals=arrivals(import_id).name, events=events.name)))
    if keeps_bytes:
        arrival_bytes(import_id).create(connection)


def drop_staging(connection: Connection, import_id: int) -> None:
    """Drop the staging tables of an import; a table that somebody reads is left to the next import."""
    for table in (arrivals(import_id), arrival_bytes(import_id)):
        if inspect(connection).has_table(table.name) and try_lock_exclusive(connection, table):
            table.drop(connection)


def end_staging(connection: Connection, import_id: int) -> None:
    """Drop the staging tables of an import that has ended, and the catalog that waited for it."""
    drop_staging(connection, import_id)
    drop_staged_catalog(connection, import_id)
