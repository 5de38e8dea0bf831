"""Set a file aside: leave it out of its import whole, with its reason, instead of failing the import.

Its rejections are kept. It stays not imported until its bytes change or a command names the file itself.
"""

from typing import Final

from sqlalchemy import Connection

from flows.database.execute import execute
from schemas.tables.events import arrival_bytes, arrivals
from transforms.statements import statements

SQL: Final = statements("flows/imports/set_aside.sql")


def set_aside(
    connection: Connection, *, import_id: int, file_id: int, reason: str, keeps_bytes: bool
) -> None:
    """Leave a file out of an import: delete its loaded rows and its checkpoints, and note the reason.

    keeps_bytes: whether the original bytes of its rows are staged too.
    """
    execute(connection, SQL["note_reason"], import_id=import_id, file_id=file_id, reason=reason)
    execute(connection, SQL["forget_chunks"], import_id=import_id, file_id=file_id)
    staged = [arrivals(import_id), *([arrival_bytes(import_id)] if keeps_bytes else [])]
    for table in staged:
        execute(connection, SQL["forget_rows"], {"staged": table.name}, file_id=file_id)


def take_again(connection: Connection, *, import_id: int, file_id: int) -> None:
    """Take a file into an import again, which it was left out of before the import was interrupted."""
    if execute(connection, SQL["forget_reason"], import_id=import_id, file_id=file_id).rowcount:
        execute(connection, SQL["forget_rejections"], import_id=import_id, file_id=file_id)


def reasons_by_file(connection: Connection, *, import_id: int) -> dict[int, str]:
    """Return why files are left out of an import, by file_id."""
    return dict(execute(connection, SQL["read_reasons"], import_id=import_id).tuples().all())
