"""Open files that only we may read, and lock them in the kernel.

The kernel releases a lock when the last process that holds it ends, however it ends.
"""

import fcntl
import os
from pathlib import Path

from flows.database.embedded.installation import Server


def open_private(path: Path, flags: int = 0) -> int:
    """Open a file that only its owner may read, creating it if it is missing; return its descriptor."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)


def lock_shared(descriptor: int) -> None:
    """Lock a file together with others, waiting while somebody holds its lock alone."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def try_lock_alone(descriptor: int) -> bool:
    """Lock a file exclusively; return False if somebody else holds its lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_running(server: Server) -> bool:
    """Return whether any process of the server lives, even one that its postmaster left behind."""
    lock = open_private(server.server_lock)
    try:
        return not try_lock_alone(lock)
    finally:
        os.close(lock)
