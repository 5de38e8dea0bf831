"""List and open the files that paths, folders, globs, URLs of object storage and standard input stand for."""

import glob
import hashlib
import io
import os
import stat
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import IO, BinaryIO, cast

from flows.sources.object_file import open_object
from flows.sources.object_listing import list_objects
from flows.sources.reading import names
from schemas.errors import ConfigurationError, UsageImportError

BLOCK_BYTES = 1024 * 1024

SPOOLS: list[IO[bytes]] = []
"""The copies of standard input and pipes, referenced here so that they live as long as the process."""


@dataclass(frozen=True)
class Source:
    """One file.

    uri: its path or URL, "-" for standard input.
    size: its bytes as stored; None for a pipe or standard input, which can be read only once.
    source_pin: identifies the bytes as they were listed, so that a change is noticed.
    is_named: whether the file itself was named, not a folder or a glob that it is found by.
    """

    uri: str
    size: int | None
    source_pin: str | None
    is_named: bool = False


def list_sources(sources: Sequence[str]) -> list[Source]:
    """Return the files that the sources stand for, in the order given; those of a folder or glob by the bytes of the path.

    A folder stands for the files of known endings in it and below it, without hidden ones.
    Raises ConfigurationError for a source that stands for no file, UsageImportError for one that cannot be reached.
    """
    return [
        replace(file, is_named=file.uri in {source, str(Path(source))})
        for source in sources
        for file in _files(source)
    ]


def _files(source: str) -> list[Source]:
    if source == names.STANDARD_INPUT:
        return [Source(names.STANDARD_INPUT, None, None)]
    if not source:
        raise ConfigurationError("an empty text names no file; check the variable that it came from")
    if "://" in source:
        return [Source(found.uri, found.size, found.etag) for found in list_objects(source)]
    try:
        found = _folder(source) if Path(source).is_dir() else _glob(source)
    except OSError as error:
        raise _unreadable(source, error) from error
    # One spelling of each path, so that the order of the files does not depend on how they were found.
    return [_local(path) for path in sorted({str(Path(path)) for path in found}, key=os.fsencode)]


def _folder(folder: str) -> set[str]:
    """Return the files that a folder stands for; raise ConfigurationError if there are none."""
    found = _below(folder)
    if not found:
        endings = ", ".join((*names.JSON, *names.CSV, *names.PARQUET))
        raise ConfigurationError(
            f"{names.printable(folder)}: the folder holds no export; a file's name must end in {endings} (or .gz, .zst)"
        )
    return found


def _below(folder: str) -> set[str]:
    """Return the files of known endings in a folder and below it, without hidden ones."""
    found = set()
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        # The walk goes into the folders that are left in the list.
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        found |= {str(Path(parent, name)) for name in files if names.is_known(name)}
    return found


def _glob(source: str) -> set[str]:
    """Return the one file of this name, or all files that match; a folder that matches stands for its files."""
    if os.path.lexists(source):
        return {source}
    found = set(glob.glob(source, recursive=True))  # noqa: PTH207 - it leaves hidden files out, Path.glob does not
    folders = {path for path in found if Path(path).is_dir()}
    files = (found - folders).union(*map(_below, folders))
    if not files and glob.has_magic(source):
        raise ConfigurationError(f"{names.printable(source)}: no file matches; check the pattern")
    if not files:
        raise ConfigurationError(
            f"{names.printable(source)}: there is no such file or folder; check the path"
        )
    return files


def _local(path: str) -> Source:
    """Return a local file as a source; raise UsageImportError if it cannot be read."""
    _check_name(path)
    try:
        state = Path(path).stat()
        if not stat.S_ISREG(state.st_mode):
            return Source(path, None, None)
        with Path(path).open("rb"):
            return Source(path, state.st_size, _pin_of(state))
    except OSError as error:
        raise _unreadable(path, error) from error


def _check_name(path: str) -> None:
    """Raise UsageImportError for a name that is not UTF-8, which could not be stored."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise UsageImportError(f"{names.printable(path)}: the name is not UTF-8; rename the file") from error


def _pin_of(state: os.stat_result) -> str:
    """Return a text that changes when a file is written or replaced."""
    return f"{state.st_size}-{state.st_mtime_ns}-{state.st_ino}"


def _refuse(error: OSError) -> None:
    raise _unreadable(str(error.filename), error) from error


def _unreadable(path: str, error: OSError) -> UsageImportError:
    reason = (error.strerror or str(error)).lower()
    return UsageImportError(f"{names.printable(path)}: {reason}; check the file and its permissions")


def open_source(source: Source) -> AbstractContextManager[BinaryIO]:
    """Open a source as a file that can be sought in, for use in a ``with``.

    Opening or reading raises UsageImportError if the bytes are no longer those that were listed.
    """
    if "://" in source.uri:
        return open_object(source.uri, size=source.size, etag=source.source_pin)
    try:
        path = source.uri if Path(source.uri).is_file() else _spool(source.uri)
        return cast("BinaryIO", PinnedFile(source, path))
    except OSError as error:
        raise _unreadable(source.uri, error) from error


class PinnedFile(io.FileIO):
    """A local file that raises an error if it changes while it is read."""

    def __init__(self, source: Source, path: str) -> None:
        super().__init__(path)
        self._source = source
        self._check()
        if sys.platform == "linux":
            # If the kernel knows that a file is read to its end, hashing it from a disk takes 0.6 of the time.
            os.posix_fadvise(self.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as a file does; raise UsageImportError if the file cannot be read, or has changed when its end is reached."""
        try:
            data = super().read(-1 if size is None else size)
        except OSError as error:
            raise _unreadable(self._source.uri, error) from error
        if not data and size:
            self._check()
        return data

    def _check(self) -> None:
        pin = self._source.source_pin
        if pin is not None and _pin_of(os.fstat(self.fileno())) != pin:
            self.close()
            name = names.printable(self._source.uri)
            raise UsageImportError(
                f"{name}: the file changed while it was read; run again once it stands still"
            )


@cache
def _spool(uri: str) -> str:
    """Copy standard input or a pipe, which can be read only once, to a temporary file that lives as long as the process."""
    if uri == names.STANDARD_INPUT and sys.stdin is None:
        raise ConfigurationError("standard input is closed; pipe an export into it")
    if uri == names.STANDARD_INPUT and sys.stdin.isatty():
        raise ConfigurationError("standard input is a terminal; pipe an export into it")
    spool = tempfile.NamedTemporaryFile(prefix="usage-import-")  # noqa: SIM115 - lives as long as the process
    SPOOLS.append(spool)
    with open(
        sys.stdin.fileno() if uri == names.STANDARD_INPUT else uri, "rb", closefd=uri != names.STANDARD_INPUT
    ) as stream:
        while block := stream.read(BLOCK_BYTES):
            spool.write(block)
    spool.flush()
    return spool.name


def hash_source(source: Source) -> tuple[str, int]:
    """Return the SHA-256 (hex) and the number of the source's bytes as stored, read in one streaming pass."""
    digest, size = hashlib.sha256(), 0
    with open_source(source) as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size
