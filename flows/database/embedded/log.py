"""Write and read the log of the embedded Postgres."""

import os
import re
import shutil
from contextlib import suppress

from flows.database.embedded.installation import Server
from flows.database.embedded.locks import open_private

LOG_BYTES = 10 << 20
"""A log of this size is emptied before the next start of the server."""

FULL_DISK_BYTES = 1 << 20
"""With less space than this left, the disk is taken to be full."""


def open_log(server: Server) -> tuple[int, int]:
    """Open the log for appending, emptied if it is large; return its descriptor and its size."""
    log = open_private(server.log, os.O_APPEND)
    if os.fstat(log).st_size > LOG_BYTES:
        os.ftruncate(log, 0)
    return log, os.fstat(log).st_size


def append_to_log(server: Server, text: bytes) -> None:
    """Append a text to the log, as far as the disk has room for it."""
    log = open_private(server.log, os.O_APPEND)
    with suppress(OSError):  # the caller reports a full disk
        os.write(log, text)
    os.close(log)


def read_log(server: Server, start: int) -> bytes:
    """Return the bytes of the log from an offset on."""
    with server.log.open("rb") as log:
        log.seek(start)
        return log.read()


def last_error(server: Server, output: bytes) -> str:
    """Return the last line of a program's output that reports an error, or else its last line.

    An empty output is explained by a full disk, if the disk is full.
    """
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"FATAL|PANIC|error:|could not|No space left", line)]
    if not lines:
        free = shutil.disk_usage(server.home).free
        return "No space left on device" if free < FULL_DISK_BYTES else "it said nothing"
    return re.sub(r"^.*?(FATAL|PANIC|error): +", "", (errors or lines)[-1]).strip()
