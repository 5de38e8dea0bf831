"""Abort an unfinished import."""

from sqlalchemy import Engine, func, update

from flows.database.import_lock import import_lock, locked_transaction
from flows.history.runs import show_import
from flows.imports.staging import end_staging
from schemas.errors import UsageImportError
from schemas.tables.imports import imports
from schemas.vocabulary import ImportStatus


def abort_import(engine: Engine, import_id: int) -> None:
    """End an unfinished import: nothing of it counts, and its files keep their places.

    Raises UsageImportError if the import is not unfinished, or if another one is at work.
    """
    with import_lock(engine, wait=False) as lock, locked_transaction(engine, lock) as connection:
        status = show_import(connection, import_id)["status"]
        if status != ImportStatus.LOADING:
            raise UsageImportError(
                f"import {import_id} is {status}; only an unfinished import can be given up"
            )
        statement = update(imports).where(imports.c.import_id == import_id)
        connection.execute(statement.values(status=ImportStatus.REVERTED, finished_at=func.clock_timestamp()))
        end_staging(connection, import_id)
