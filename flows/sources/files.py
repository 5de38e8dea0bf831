"""Sources: the files that paths, folders, globs, URLs of object storage and standard input stand for."""

import glob
import hashlib
import io
import os
import stat
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, BinaryIO, cast

from flows.sources import object_store
from flows.sources.reading import names
from schemas.errors import ConfigurationError, UsageImportError

BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Source:
    """One file.

    uri: where it is; size: its bytes as stored, None for what is read once only; pin: identifies the bytes as they were listed.
    """

    uri: str
    size: int | None
    pin: str | None


def list_sources(sources: Sequence[str]) -> list[Source]:
    """The files that the sources stand for, in the order given; those of a folder or glob by the bytes of the path.

    A folder stands for the files of known endings in it and below it, without hidden ones. Raises ConfigurationError
    for a source that stands for nothing, UsageImportError for one that cannot be reached.
    """
    return [file for source in sources for file in _files(source)]


def _files(source: str) -> list[Source]:
    if source == names.STANDARD_INPUT:
        return [Source(names.STANDARD_INPUT, None, None)]
    if not source:
        raise ConfigurationError("an empty text names no file; check the variable that it came from")
    if "://" in source:
        return [Source(found.uri, found.size, found.pin) for found in object_store.list_objects(source)]
    try:
        found = _folder(source) if Path(source).is_dir() else _glob(source)
    except OSError as error:
        raise _refused(source, error) from error
    return [_local(path) for path in sorted(set(map(_spelt, found)), key=os.fsencode)]


def _spelt(path: str) -> str:
    """A path in its one spelling: the order of the files must not depend on how they were found."""
    return str(Path(path))


def _folder(folder: str) -> set[str]:
    """The files a folder stands for."""
    found = _below(folder)
    if not found:
        endings = ", ".join((*names.JSON, *names.CSV, *names.PARQUET))
        raise ConfigurationError(
            f"{names.printable(folder)}: the folder holds no export; a file's name must end in {endings} (or .gz, .zst)"
        )
    return found


def _below(folder: str) -> set[str]:
    return {
        str(Path(place, name))
        for place, folders, files in os.walk(folder, onerror=_refuse)
        for name in _visible(folders, files)
        if names.is_known(name)
    }


def _visible(folders: list[str], files: list[str]) -> list[str]:
    """The files; keeps the walk out of hidden folders."""
    folders[:] = [folder for folder in folders if not folder.startswith(".")]
    return files


def _glob(source: str) -> set[str]:
    """The one file of this name, or all that match; a folder that matches stands for its files."""
    if os.path.lexists(source):
        return {source}
    found = set(glob.glob(source, recursive=True))  # noqa: PTH207 - leaves hidden files out, Path.glob does not
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
    _check_name(path)
    try:
        state = Path(path).stat()
        if not stat.S_ISREG(state.st_mode):
            return Source(path, None, None)
        with Path(path).open("rb"):
            return Source(path, state.st_size, _pin_of(state))
    except OSError as error:
        raise _refused(path, error) from error


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise UsageImportError(f"{names.printable(path)}: the name is not UTF-8; rename the file") from error


def _pin_of(state: os.stat_result) -> str:
    return f"{state.st_size}-{state.st_mtime_ns}-{state.st_ino}"


def _refuse(error: OSError) -> None:
    raise _refused(str(error.filename), error) from error


def _refused(path: str, error: OSError) -> UsageImportError:
    reason = (error.strerror or str(error)).lower()
    return UsageImportError(f"{names.printable(path)}: {reason}; check the file and its permissions")


def open_source(source: Source) -> AbstractContextManager[BinaryIO]:
    """The bytes of a source from its beginning, to be used in a ``with``; seekable.

    Opening or reading raises UsageImportError where the bytes are not, or are no longer, those it is pinned to.
    """
    if "://" in source.uri:
        return object_store.open_object(source.uri, size=source.size, pin=source.pin)
    try:
        path = source.uri if Path(source.uri).is_file() else _spooled(source.uri)
        return cast("BinaryIO", PinnedFile(source, path))
    except OSError as error:
        raise _refused(source.uri, error) from error


class PinnedFile(io.FileIO):
    """A local file that refuses to end otherwise than it began."""

    def __init__(self, source: Source, path: str) -> None:
        super().__init__(path)
        self._source = source
        self._check()
        if sys.platform == "linux":
            # From a disk, a file is hashed in 0.6 of the time where the kernel knows that it is read to its end.
            os.posix_fadvise(self.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def read(self, size: int | None = -1, /) -> bytes:
        """As a file does; raises UsageImportError where the file cannot be read, or changed by its end."""
        try:
            data = super().read(-1 if size is None else size)
        except OSError as error:
            raise _refused(self._source.uri, error) from error
        if not data and size:
            self._check()
        return data

    def _check(self) -> None:
        if self._source.pin is not None and _pin_of(os.fstat(self.fileno())) != self._source.pin:
            self.close()
            name = names.printable(self._source.uri)
            raise UsageImportError(
                f"{name}: the file changed while it was read; run again once it stands still"
            )


@cache
def _spooled(uri: str) -> str:
    """A temporary file with all of standard input or a pipe, which can be read once only; it goes with the process."""
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


SPOOLS: list[IO[bytes]] = []
"""Keeps the temporary files from going before the process does."""


def hash_source(source: Source) -> tuple[str, int]:
    """SHA-256 (hex) and number of the source's bytes as stored, in one streaming pass."""
    digest, size = hashlib.sha256(), 0
    with open_source(source) as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size
