"""Write the rejections that deduplication finds, and mark the rejections that repeat an open one."""

from typing import Final

from sqlalchemy import Connection, text

from flows.database.execute import execute
from schemas.tables.events import arrival_bytes
from schemas.vocabulary import RejectionCode
from transforms.statements import statements

CONFLICTS: Final = statements("flows/imports/conflicts.sql")
REJECTIONS: Final = statements("transforms/imports/rejections.sql")


def reject_conflicts(connection: Connection, *, import_id: int) -> None:
    """Write the rejections of rows whose key is taken by another event.

    Reads the tables that :func:`flows.imports.deduplicate.deduplicate` leaves.
    """
    code = RejectionCode.CONFLICT
    execute(
        connection,
        CONFLICTS["reject_conflicts"],
        {"arrival_bytes": arrival_bytes(import_id).name},
        import_id=import_id,
        code=code.value,
        message=code.sentence,
    )


def mark_repeated_rejections(connection: Connection, *, import_id: int) -> None:
    """Mark the rejections of an import that repeat an open one, equal in bytes and code.

    The open rejections of earlier imports in the same files are closed first: those rows have been read again.
    """
    connection.execute(text("analyze rejections"))
    for name in ("close_reread_rejections", "mark_repeated_rejections"):
        execute(connection, REJECTIONS[name], import_id=import_id)
