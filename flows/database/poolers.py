"""Recognise a pooler that gives each transaction another session, such as pgbouncer in transaction mode.

There the settings, the locks and the temporary tables of a session are lost, and reach other clients.
"""

from collections.abc import Callable
from contextlib import closing
from threading import Thread
from typing import Any, Final

import psycopg

Connection = psycopg.Connection[Any]

ANSWER_SECONDS: Final = 2.0
"""How long to wait for a second session: a pooler that keeps sessions apart may have none free."""


def shares_sessions(connection: Connection, connect: Callable[[], Connection]) -> bool:
    """Return whether another connection gets the session of this one, which stays open and idle.

    connect: opens another connection to the same address. It is left alone if it does not answer in time.
    """
    if backend(connection) == connection.info.backend_pid:
        return False  # a pooler announces a number of its own
    found: list[int] = []

    def look() -> None:
        with closing(connect()) as other:
            found.append(backend(other))

    looking = Thread(target=look, daemon=True)
    looking.start()
    looking.join(ANSWER_SECONDS)
    return backend(connection) in found


def backend(connection: Connection) -> int:
    """Return the number of the server's process that answers."""
    [number] = connection.execute("select pg_backend_pid()").fetchone() or [0]
    connection.rollback()
    return int(number)
