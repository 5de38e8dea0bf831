"""Commands that use the embedded Postgres, as processes that a test can let leave or kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

import psycopg
from sqlalchemy import make_url

ROOT = Path(__file__).parents[3]
IS_ROOT = os.geteuid() == 0
HOLD = """
import sys
from pathlib import Path
from flows.database.connection import database_url
with database_url(Path(sys.argv[1]), environ={}) as url:
    print(url, flush=True)
    sys.stdin.readline()
"""
WAIT_SECONDS = 120


class Command:
    """A process that uses the database until a test lets it leave or kills it."""

    started: ClassVar[list[subprocess.Popen[str]]] = []

    def __init__(self, home: Path, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(home)],
            cwd=ROOT,
            env=os.environ | environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(self.process)

    def url(self) -> str:
        """Return the URL that the process has got, waiting for it."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> tuple[int, str]:
        """Let the process leave; return its exit code and its output."""
        output, errors = self.process.communicate("\n", timeout=WAIT_SECONDS)
        return self.process.returncode, output + errors

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the process and its group."""
        os.killpg(self.process.pid, number)
        self.process.communicate(timeout=WAIT_SECONDS)


def ask(url: str, statement: str) -> str:
    """Execute a statement and return its first value as text."""
    native = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(native, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        found = cursor.fetchone() if cursor.description else None
        return str(found[0]) if found else ""


def postmaster(home: Path) -> int:
    """Return the id of the server's process."""
    return int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def processes(home: Path) -> list[int]:
    """Return the processes that hold the lock of the server in `home`: those of the server, and of initdb."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if entry.readlink() == home / "postgres" / "server.lock":
                found.add(int(entry.parts[2]))
    return sorted(found - {os.getpid()})


def eventually(is_so: Callable[[], bool], seconds: float = WAIT_SECONDS) -> bool:
    """Return whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_so()


def end_commands() -> None:
    """End the commands that a test has left."""
    for process in Command.started:
        if process.returncode is None:
            process.kill()
            process.communicate(timeout=WAIT_SECONDS)
    Command.started.clear()


@contextmanager
def home_in(folder: Path) -> Iterator[Path]:
    """Give a home that must be without processes at the end of the context."""
    home = folder / "home"
    yield home
    left = processes(home)
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    assert left == []
