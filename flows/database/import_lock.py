"""The lock that lets one import at a time work in a database, and the proof that it is still held.

A session holds the lock while others load and publish. Postgres, an administrator or a firewall may end it, and then another
import may begin. So whatever changes an import or publishes proves in its own transaction that the session still holds the
lock, and keeps others from changing anything until that transaction ends.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from flows.database.execute import execute
from schemas.errors import UsageImportError
from transforms.statements import statements

IMPORT_LOCK: Final = 7_301_002

CHANGE_LOCK: Final = 7_301_003
"""Taken by each transaction that changes an import, until it ends; by those that load a chunk, together with others."""

STAY: Final = "set statement_timeout = 0; set lock_timeout = 0"
"""With --wait the session waits for as long as the other import takes, whatever its role prefers."""

SQL: Final = statements("flows/database/import_lock.sql")


class LockLostError(UsageImportError):
    """The import lock was lost while it was needed."""

    def __init__(self) -> None:
        super().__init__(
            "the session that keeps other imports away was ended from outside (an administrator, a timeout, a firewall), "
            "so nothing more was changed; what was committed before is kept, run the same command again"
        )


@dataclass(frozen=True)
class ImportLock:
    """The session that holds the import lock: its process in Postgres, and the instant of its begin."""

    pid: int
    since: datetime


@contextmanager
def import_lock(
    engine: Engine, *, wait: bool, waiting: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Iterator[ImportLock]:
    """Hold the lock of one import at a time while the context is open.

    waiting: a context to keep open while another import holds the lock. Raises UsageImportError if another import holds
    the lock and `wait` is false.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(STAY))
        lock = {"lock": IMPORT_LOCK}
        if not connection.scalar(text("select pg_try_advisory_lock(:lock)"), lock):
            if not wait:
                raise UsageImportError(
                    "another import is at work in this database; wait for it with --wait, or run this one later"
                )
            with waiting():
                connection.execute(text("select pg_advisory_lock(:lock)"), lock)
        try:
            yield ImportLock(*execute(connection, SQL["holding_session"]).one())
        finally:
            # A closed connection gives its locks back a moment later, too late for the command after this one.
            with suppress(DBAPIError):
                connection.execute(text("select pg_advisory_unlock(:lock)"), lock)


@contextmanager
def locked_transaction(engine: Engine, lock: ImportLock) -> Iterator[Connection]:
    """Open a transaction that changes an import or publishes; raises LockLostError if the import lock was lost."""
    with engine.begin() as connection:
        prove_lock(connection, lock)
        yield connection


def prove_lock(connection: Connection, lock: ImportLock, *, is_beside_others: bool = False) -> None:
    """Prove that the import lock is still held, and let nobody else change an import until the transaction ends.

    is_beside_others: whether others of the same import may do so too, as those that load its files. Raises LockLostError.
    """
    take = "pg_advisory_xact_lock_shared" if is_beside_others else "pg_advisory_xact_lock"
    connection.execute(text(f"select {take}(:lock)"), {"lock": CHANGE_LOCK})
    is_ours = execute(connection, SQL["is_held_by"], lock=IMPORT_LOCK, pid=lock.pid, since=lock.since)
    if not is_ours.scalar_one():
        raise LockLostError
