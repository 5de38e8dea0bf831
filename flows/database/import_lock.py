"""The lock that lets one import at a time work in a database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Final

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from schemas.errors import UsageImportError

IMPORT_LOCK: Final = 7_301_002


@contextmanager
def import_lock(
    engine: Engine, *, wait: bool, waiting: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Iterator[None]:
    """Hold the lock of one import at a time while the context is open.

    waiting: a context to keep open while another import holds the lock. Raises UsageImportError if another import holds
    the lock and `wait` is false.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        lock = {"lock": IMPORT_LOCK}
        if not connection.scalar(text("select pg_try_advisory_lock(:lock)"), lock):
            if not wait:
                raise UsageImportError(
                    "another import is at work in this database; wait for it with --wait, or run this one later"
                )
            with waiting():
                connection.execute(text("select pg_advisory_lock(:lock)"), lock)
        try:
            yield
        finally:
            # A closed connection gives its locks back a moment later, too late for the command after this one.
            with suppress(DBAPIError):
                connection.execute(text("select pg_advisory_unlock(:lock)"), lock)
