"""Start and stop the embedded Postgres, which runs as long as a command uses it.

The first command that needs the server starts it, and the last one that leaves stops it. Two locks of the kernel decide
who is first and last. A `kill -9` releases them, whereas a count in a file would be wrong after it:

- `users.lock`: every command shares it while it uses the server. A leaving command that can lock it alone is the last
  and stops the server; commands that start meanwhile wait for their share.
- `server.lock`: a command that can lock it may start the server, which inherits it, so it is free exactly when no process
  of the server lives. Process ids cannot show that: a restarted container uses the same few again, and a stale
  `postmaster.pid` then names one of our own processes.

The server listens on one socket inside its data directory (mode 0700) and on no port, so only those who may enter that
folder can use the database. Postgres refuses to run as root, so root runs it as `nobody`. That account need not be able to
reach the data directory by its path: we open the directory and the server inherits it as `/proc/self/fd/N`, however long
its path is. The folders above keep their permissions.

`initdb` and `postgres` are run directly: `pg_ctl` builds shell commands out of paths and polls every 0.1 s, which made a
warm start and stop take 0.21 s instead of 0.1 s.
"""

import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from signal import SIGINT, SIGQUIT

from sqlalchemy import URL

from flows.database.embedded.data import check_data, make_data
from flows.database.embedded.installation import DRIVER, IS_LINUX, SOCKET_NAME, WAY_OUT, Server
from flows.database.embedded.locks import is_running, lock_shared, open_private, try_lock_alone
from flows.database.embedded.log import last_error, open_log, read_log
from flows.database.embedded.preparation import prepare, short_path
from flows.database.embedded.programs import run_program
from flows.database.embedded.settings import SETTINGS, settings_of_machine
from schemas.errors import UsageImportError

START_SECONDS = 600
"""The longest wait for a start: recovery after a crash replays up to max_wal_size."""

STOP_SECONDS = 120
"""The longest wait for a stop: it writes up to 1 GB of buffers to a slow disk. If cut short, the next start replays the WAL."""

SILENCE_SECONDS = 5
"""The longest wait for an answer on the socket: a server that was just started may not listen yet."""

POLL_SECONDS = 0.005

TLS_REQUEST = struct.pack("!ii", 8, 80877103)
"""A message that a server answers without authentication."""


@contextmanager
def embedded_url(home: Path, *, binaries: Path, locale: tuple[str, ...]) -> Iterator[str]:
    """Give the URL of the server in `home`, which runs at least as long as the context.

    binaries: the folder of its programs; locale: the options of initdb for a new data directory.
    Raises UsageImportError if the server cannot be started.
    """
    with ExitStack() as contexts:
        with _file_errors(home):
            home = home.absolute()
            socket_folder = contexts.enter_context(short_path(home / "postgres" / "data"))
            server = prepare(home, binaries=binaries, locale=locale, socket_folder=socket_folder)
            contexts.enter_context(_in_use(server))
        query = {"host": socket_folder, "port": "5432"}
        yield URL.create(DRIVER, username="postgres", database="postgres", query=query).render_as_string()


@contextmanager
def _file_errors(home: Path) -> Iterator[None]:
    """Raise an error of the file system as UsageImportError."""
    try:
        yield
    except OSError as error:
        message = f"cannot keep a database in {home}: {error.strerror or error}; {WAY_OUT}"
        raise UsageImportError(message) from None


@contextmanager
def _in_use(server: Server) -> Iterator[None]:
    """Keep the server running while the context is open, and stop it if nobody else uses it then."""
    users_lock = open_private(server.users_lock)
    try:
        lock_shared(users_lock)
        _start(server)
        yield
    finally:
        # If its folder was deleted, the server stops by itself within a minute.
        with suppress(FileNotFoundError):
            if try_lock_alone(users_lock):
                _stop(server)
        os.close(users_lock)


def _start(server: Server) -> None:
    """Start the server unless it runs, and wait until it is ready."""
    server_lock = open_private(server.server_lock)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not try_lock_alone(server_lock):
            if _is_ready(server):
                return
            _wait(server, deadline)
        if server.data.exists():
            check_data(server)
        else:
            make_data(server, server_lock)
        log_start = _launch(server, server_lock)
    finally:
        os.close(server_lock)
    while not _is_ready(server):
        if not is_running(server):
            error = last_error(server, read_log(server, log_start))
            raise UsageImportError(f"the embedded Postgres did not start: {error} (log: {server.log})")
        _wait(server, deadline)


def _wait(server: Server, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise UsageImportError(
            f"the embedded Postgres in {server.home} is not ready after {START_SECONDS} s (log: {server.log})"
        )
    time.sleep(POLL_SECONDS)


def _is_ready(server: Server) -> bool:
    try:
        lines = (server.data / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready" and _postmaster(server) is not None


def _postmaster(server: Server) -> int | None:
    """Return the id of the process that answers on the socket: None if none does, 0 if it is another container's."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SILENCE_SECONDS)
        try:
            client.connect(f"{server.socket_folder}/{SOCKET_NAME}")
            client.sendall(TLS_REQUEST)
            if not client.recv(1):  # a server just killed still takes connections, but gives no answer
                return None
        except OSError:
            return None
        if IS_LINUX:
            credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            return int(struct.unpack("3i", credentials)[0])
    return int((server.data / "postmaster.pid").read_text(errors="replace").split()[0])


def _launch(server: Server, server_lock: int) -> int:
    """Start the server as a process of its own, not our child; return the size of the log before."""
    for stale in ("postmaster.pid", f"{SOCKET_NAME}.lock"):  # no server runs, since its lock was free
        (server.data / stale).unlink(missing_ok=True)
    log, log_start = open_log(server)
    try:
        settings = SETTINGS | settings_of_machine()
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = ["/bin/sh", "-c", '"$0" "$@" &', server.binaries / "postgres", *options]
        run_program(server, command, data=server.data, server_lock=server_lock, output=log)
    finally:
        os.close(log)
    return log_start


def _stop(server: Server) -> None:
    """Shut the server down: fast, which ends statements and writes all commits; immediately, if that takes too long."""
    postmaster = None
    deadline = time.monotonic() + SILENCE_SECONDS
    while postmaster is None and is_running(server) and time.monotonic() < deadline:
        postmaster = _postmaster(server)
        time.sleep(POLL_SECONDS)
    if (
        not postmaster
    ):  # it has stopped, or it runs in another container, whose commands share the folder and stop it
        return
    for signal, seconds in ((SIGINT, STOP_SECONDS), (SIGQUIT, SILENCE_SECONDS)):
        with suppress(ProcessLookupError):
            os.kill(postmaster, signal)
        deadline = time.monotonic() + seconds
        while is_running(server) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if not is_running(server):
            return
