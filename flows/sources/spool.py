"""Copy standard input and pipes, which can be read only once, to temporary files of bounded size."""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from typing import IO, BinaryIO, Final

from flows.sources.reading import names
from schemas.errors import ConfigurationError, UsageImportError

BLOCK_BYTES: Final = 1024 * 1024

LIMIT_VARIABLE: Final = "USAGE_IMPORT_SPOOL_BYTES"

LIMIT_BYTES: Final = 16 * 1024**3
"""The bytes of standard input or a pipe that are copied, unless the environment says otherwise."""

SPARE_BYTES: Final = 128 * 1024**2
"""The bytes of the disk that a copy leaves to others."""

SPOOLS: Final[list[IO[bytes]]] = []
"""The copies, referenced here so that they live as long as the process."""


def whole_number(environment: Mapping[str, str], name: str, default: int) -> int:
    """Return the value of an environment variable; raises ConfigurationError unless it is a whole number from 1."""
    value = environment.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise ConfigurationError(f"{name} is {value!r}; give a whole number from 1")
    return int(value)


def refuse_device(name: str, state: os.stat_result) -> None:
    """Raise ConfigurationError for a device or a socket, whose bytes may never end; the null device has none."""
    mode = state.st_mode
    if stat.S_ISCHR(mode) and state.st_rdev == os.stat(os.devnull).st_rdev:  # noqa: PTH116 - it is no path of a user
        return
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        kind = "socket" if stat.S_ISSOCK(mode) else "device"
        raise ConfigurationError(f"{name} is a {kind} and no file; name a file, or pipe an export in")


@cache
def spool(uri: str) -> str:
    """Copy standard input or a pipe to a temporary file that lives as long as the process, and return its path.

    Raises UsageImportError if there is more of it than the limit or the disk allows; then nothing is left of the copy.
    """
    limit = whole_number(os.environ, LIMIT_VARIABLE, LIMIT_BYTES)
    name = names.printable(uri)
    with _opened(uri) as stream:
        refuse_device(name, os.fstat(stream.fileno()))
        folder = tempfile.gettempdir()
        room = shutil.disk_usage(folder).free - SPARE_BYTES
        copy = tempfile.NamedTemporaryFile(prefix="usage-import-")  # noqa: SIM115 - lives as long as the process
        try:
            copied = _copy(stream, copy, at_most=min(limit, room))
        except OSError as error:
            copy.close()
            raise UsageImportError(_no_room(name, folder, (error.strerror or str(error)).lower())) from error
    if not copied:
        copy.close()
        if limit <= room:
            raise UsageImportError(
                f"{name} has more than {limit:,} bytes; save it as a file and name that, or raise {LIMIT_VARIABLE}"
            )
        raise UsageImportError(_no_room(name, folder, f"there is room for {max(0, room):,} bytes"))
    SPOOLS.append(copy)
    return copy.name


def _opened(uri: str) -> BinaryIO:
    """Open a pipe, or standard input, which stays open; raise ConfigurationError if that is closed or a terminal."""
    if uri != names.STANDARD_INPUT:
        return open(uri, "rb")  # noqa: PTH123 - as below
    if sys.stdin is None:
        raise ConfigurationError("standard input is closed; pipe an export into it")
    if sys.stdin.isatty():
        raise ConfigurationError("standard input is a terminal; pipe an export into it")
    return open(sys.stdin.fileno(), "rb", closefd=False)


def _copy(stream: BinaryIO, copy: IO[bytes], *, at_most: int) -> bool:
    """Copy a stream; return False if it has more bytes than it may."""
    size = 0
    while block := stream.read(BLOCK_BYTES):
        size += len(block)
        if size > at_most:
            return False
        copy.write(block)
    copy.flush()
    return True


def _no_room(name: str, folder: str, why: str) -> str:
    return (
        f"{name}: its copy does not fit into {names.printable(folder)} ({why}); make room, set TMPDIR to a folder with "
        "more of it, or save it as a file and name that"
    )
