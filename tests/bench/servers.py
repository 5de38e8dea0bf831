"""The Postgres servers of the benchmark: the embedded one with its settings, and a stock one of the same binaries.

Both listen on a loopback port, as not every contender can use a socket; each contender gets a database of its own, a copy of
one that holds the catalog.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGHUP
from typing import Any, Final

import psycopg
from psycopg import sql

from flows.database.embedded import installation
from flows.database.embedded import server as embedded_server
from flows.database.embedded.programs import bin_dir
from flows.database.embedded.settings import EMBEDDED_LOCALE, SETTINGS, settings_of_machine
from tests.ports import free_port

STOCK_SETTINGS: Final = {
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""What a server needs to be found; everything else is as Postgres ships it."""

LET_IN: Final = "host all all 127.0.0.1/32 trust\n"
READ_SETTINGS: Final = """
    select name, current_setting(name) from pg_settings
    where source not in ('default', 'client', 'override', 'database', 'session') order by name
"""
PATIENCE_SECONDS: Final = 10
TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server: what it is called, where it listens, and its first process."""

    name: str
    port: int
    postmaster: int

    def url(self, database: str) -> str:
        """The address of a database, as every contender gets it."""
        return f"postgresql://postgres:none@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def connect(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        """A connection of the benchmark's own."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            yield connection

    def rows(self, database: str, statement: str) -> list[Any]:
        """Return the rows of a statement of the benchmark."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def copy_database(self, template: str, name: str) -> None:
        """Make a database as a copy of another; an older one of that name goes."""
        self.drop_database(name)
        with self.connect() as connection:
            connection.execute(
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
            # Contenders find our tables by their names.
            connection.execute(
                sql.SQL("alter database {} set search_path = usage_import, public").format(
                    sql.Identifier(name)
                )
            )

    def drop_database(self, name: str) -> None:
        """Drop a database, if there is one."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )

    def come_to_rest(self) -> None:
        """Write everything out, so that nobody pays for what another has left in the buffers."""
        with self.connect() as connection:
            connection.execute("checkpoint")

    def settings(self) -> dict[str, str]:
        """Return the settings that differ from the defaults, and the version."""
        with self.connect() as connection:
            release = connection.execute("show server_version").fetchone()
            return {"server_version": release[0] if release else "?"} | dict(
                connection.execute(READ_SETTINGS).fetchall()
            )

    def cpu_seconds(self) -> float:
        """Processor time of the server so far, of its ended processes too."""
        ticks = _ticks(self.postmaster, slice(11, 15))
        for child in Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split():
            ticks += _ticks(int(child), slice(11, 13))
        return ticks / TICKS


@contextmanager
def server(home: Path, *, is_stock: bool) -> Iterator[Server]:
    """A server on data of its own, with the settings of the embedded one or with none."""
    port = free_port()
    settings = STOCK_SETTINGS if is_stock else SETTINGS | settings_of_machine()
    our_settings = settings | {"listen_addresses": "127.0.0.1", "port": str(port)}
    with ExitStack() as patches:
        for module, name, value in (
            (embedded_server, "SETTINGS", our_settings),
            (embedded_server, "SOCKET_NAME", f".s.PGSQL.{port}"),
            (installation, "SOCKET_NAME", f".s.PGSQL.{port}"),
            (embedded_server, "settings_of_machine", dict[str, str]),
        ):
            patches.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        patches.enter_context(embedded_server.embedded_url(home, binaries=bin_dir(), locale=EMBEDDED_LOCALE))
        data = home / "postgres" / "data"
        postmaster = int((data / "postmaster.pid").read_text().split()[0])
        access = data / "pg_hba.conf"
        if LET_IN not in access.read_text():
            access.write_text(access.read_text() + LET_IN)
        os.kill(postmaster, SIGHUP)
        running = Server("stock" if is_stock else "embedded", port, postmaster)
        _wait_for(running)
        yield running


def _wait_for(running: Server) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with running.connect():
                return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _ticks(process: int, fields: slice) -> int:
    """Clock ticks of a process, user's and kernel's, with those of its ended children on request."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(map(int, stat[fields]))
