"""The log of the embedded Postgres, and the locks of its folder."""

import fcntl
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from flows.database.embedded.installation import Server

FULL_DISK_BYTES = 1 << 20


def open_file(path: Path, flags: int = 0) -> int:
    """Open a private file, made where it is missing."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)


def is_alone(lock: int) -> bool:
    """Take a lock exclusively; return whether nobody else holds it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lives(server: Server) -> bool:
    """Whether any process of the server lives, be it only one that its postmaster left behind."""
    alive = open_file(server.alive)
    try:
        return not is_alone(alive)
    finally:
        os.close(alive)


def note(server: Server, text: bytes) -> None:
    """Append to the log."""
    log = open_file(server.log, os.O_APPEND)
    with suppress(OSError):  # the disk may be full, and the caller says so
        os.write(log, text)
    os.close(log)


def logged(server: Server, mark: int) -> bytes:
    """Return what was logged after a mark."""
    with server.log.open("rb") as log:
        log.seek(mark)
        return log.read()


def last_word(text: bytes, server: Server) -> str:
    """The last line that tells of an error, else the last one; a full disk may have kept them all out."""
    lines = [line for line in text.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"FATAL|PANIC|error:|could not|No space left", line)]
    if not lines:
        free = shutil.disk_usage(server.home).free
        return "No space left on device" if free < FULL_DISK_BYTES else "it said nothing"
    return re.sub(r"^.*?(FATAL|PANIC|error): +", "", (errors or lines)[-1]).strip()
