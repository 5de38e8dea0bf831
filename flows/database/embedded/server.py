"""Start and stop the embedded Postgres; it lives as long as a command uses it.

The first command that needs the server starts it, and the last that leaves stops it. Two locks of the kernel say who is
first and last, and a `kill -9` releases them by itself (no count in a file can be left wrong):

- `users.lock`: every command shares it while it uses the server. Who gets it alone on leaving is the last, and stops
  the server while newcomers wait for their share.
- `server.lock`: who gets it may start the server and hands it down, so it is free exactly when none of the server's
  processes lives. Process ids cannot say that: a container starts again with the same few, and a stale
  `postmaster.pid` then names us.

The server listens on one socket inside its own data directory (mode 0700) and on no port: who may enter that folder is
who may use the database. It refuses to run as root, so root runs it as `nobody`, who need not reach the data
directory by name: we open it and hand it down, and the server knows it as `/proc/self/fd/N` only, whatever the length of
its path. Folders above stay as they are, even closed ones, and closed they keep other processes of `nobody` out.

`initdb` and `postgres` are run directly: `pg_ctl` builds shell commands out of paths and looks every 0.1 s only, which
made a warm start and stop take 0.21 s instead of 0.1 s.
"""

import fcntl
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
from flows.database.embedded.log import is_alone, last_word, lives, logged, open_file
from flows.database.embedded.preparation import prepare, short_path
from flows.database.embedded.programs import run_program
from flows.database.embedded.settings import SETTINGS, settings_of_machine
from schemas.errors import UsageImportError

PATIENCE_SECONDS = 600  # recovery after a crash replays up to max_wal_size

STOP_SECONDS = 120  # writing 1 GB of buffers to a slow disk; cut short, the next start replays the WAL

LOOK_SECONDS = 0.005

SILENCE_SECONDS = 5  # a server that was just started may not listen yet


TLS_QUESTION = struct.pack("!ii", 8, 80877103)  # the one question a server answers without knowing us


LOG_BYTES = 10 << 20


@contextmanager
def embedded_url(home: Path, *, binaries: Path, locale: tuple[str, ...]) -> Iterator[str]:
    """Give the URL of the server that `binaries` run on `home`'s data; `locale` holds initdb's options for it."""
    with ExitStack() as held:
        with _refusals(home):
            home = home.absolute()
            socket_folder = held.enter_context(short_path(home / "postgres" / "data"))
            server = prepare(home, binaries=binaries, locale=locale, socket_folder=socket_folder)
            held.enter_context(_in_use(server))
        query = {"host": socket_folder, "port": "5432"}
        yield URL.create(DRIVER, username="postgres", database="postgres", query=query).render_as_string()


@contextmanager
def _refusals(home: Path) -> Iterator[None]:
    """Say in one line what the file system refused."""
    try:
        yield
    except OSError as error:
        message = f"cannot keep a database in {home}: {error.strerror or error}; {WAY_OUT}"
        raise UsageImportError(message) from None


@contextmanager
def _in_use(server: Server) -> Iterator[None]:
    users = open_file(server.folder / "users.lock")
    try:
        fcntl.flock(users, fcntl.LOCK_SH)
        _bring_up(server)
        yield
    finally:
        # where the folder was deleted under it, the server stops by itself within a minute
        with suppress(FileNotFoundError):
            if is_alone(users):
                _stop(server)
        os.close(users)


def _bring_up(server: Server) -> None:
    alive = open_file(server.alive)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_alone(alive):
            if _is_ready(server):
                return
            _wait(server, deadline)
        if server.data.exists():
            check_data(server)
        else:
            make_data(server, alive)
        mark = _launch(server, alive)
    finally:
        os.close(alive)
    while not _is_ready(server):
        if not lives(server):
            raise UsageImportError(
                f"the embedded Postgres did not start: {last_word(logged(server, mark), server)} (log: {server.log})"
            )
        _wait(server, deadline)


def _wait(server: Server, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise UsageImportError(
            f"the embedded Postgres in {server.home} is not ready after {PATIENCE_SECONDS} s (log: {server.log})"
        )
    time.sleep(LOOK_SECONDS)


def _is_ready(server: Server) -> bool:
    try:
        lines = (server.data / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready" and _postmaster(server) is not None


def _postmaster(server: Server) -> int | None:
    """The id of the process that answers on the socket: None where none does, 0 where another container's does."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SILENCE_SECONDS)
        try:
            client.connect(f"{server.socket_folder}/{SOCKET_NAME}")
            client.sendall(TLS_QUESTION)
            if not client.recv(1):  # a server just killed still takes connections, but gives no answer
                return None
        except OSError:
            return None
        if IS_LINUX:
            credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            return int(struct.unpack("3i", credentials)[0])
    return int((server.data / "postmaster.pid").read_text(errors="replace").split()[0])


def _launch(server: Server, alive: int) -> int:
    """Start the server as nobody's child, and return the log's size before."""
    for stale in ("postmaster.pid", f"{SOCKET_NAME}.lock"):  # they are, as the server's lock was free
        (server.data / stale).unlink(missing_ok=True)
    log = open_file(server.log, os.O_APPEND)
    try:
        if os.fstat(log).st_size > LOG_BYTES:
            os.ftruncate(log, 0)
        mark = os.fstat(log).st_size
        settings = SETTINGS | settings_of_machine()
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = ["/bin/sh", "-c", '"$0" "$@" &', server.binaries / "postgres", *options]
        run_program(server, command, place=server.data, alive=alive, output=log)
    finally:
        os.close(log)
    return mark


def _stop(server: Server) -> None:
    """Shut down fast: statements are broken off, what is committed is written; at once, should that take too long."""
    postmaster = None
    deadline = time.monotonic() + SILENCE_SECONDS
    while postmaster is None and lives(server) and time.monotonic() < deadline:
        postmaster = _postmaster(server)
        time.sleep(LOOK_SECONDS)
    if not postmaster:  # gone, or another container's, whose commands share the folder and stop it
        return
    for how, seconds in ((SIGINT, STOP_SECONDS), (SIGQUIT, SILENCE_SECONDS)):
        with suppress(ProcessLookupError):
            os.kill(postmaster, how)
        deadline = time.monotonic() + seconds
        while lives(server) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        if not lives(server):
            return
