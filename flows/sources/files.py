"""List and open the files that paths, folders, globs, URLs of object storage and standard input stand for."""

import glob
import hashlib
import io
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from flows.sources.folders import Found, found_files
from flows.sources.object_file import open_object
from flows.sources.object_listing import list_objects
from flows.sources.reading import names
from flows.sources.spool import BLOCK_BYTES, refuse_device, spool
from schemas.errors import ConfigurationError, UsageImportError


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

    A folder stands for the files of known endings in it and below it, without hidden ones and links that lead out of it.
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
        found = _found(source)
    except OSError as error:
        raise _unreadable(error.filename or source, error) from error
    # One spelling of each path, so that the order of the files does not depend on how they were found.
    return [_local(path) for path in sorted({str(Path(path)) for path in found.files}, key=os.fsencode)]


def _found(source: str) -> Found:
    """Return the files that a path or a glob stands for; raise ConfigurationError if there are none."""
    found = found_files(source)
    if found.files:
        return found
    left = (
        f", and of its links {len(found.links)} lead out of it, which are not followed" if found.links else ""
    )
    if Path(source).is_dir():
        endings = ", ".join((*names.JSON, *names.CSV, *names.PARQUET))
        raise ConfigurationError(
            f"{names.printable(source)}: the folder holds no export{left}; "
            f"a file's name must end in {endings} (or .gz, .zst)"
        )
    if glob.has_magic(source):
        raise ConfigurationError(f"{names.printable(source)}: no file matches{left}; check the pattern")
    raise ConfigurationError(f"{names.printable(source)}: there is no such file or folder; check the path")


def links_left_out(sources: Sequence[str]) -> list[str]:
    """Return the links out of the folders and globs among the sources, which are not followed, by the bytes of the path."""
    local = (source for source in sources if source != names.STANDARD_INPUT and "://" not in source)
    links = {link for source in local for link in found_files(source).links}
    return [names.printable(link) for link in sorted(links, key=os.fsencode)]


def _local(path: str) -> Source:
    """Return a local file as a source; raise UsageImportError if it cannot be read."""
    _check_name(path)
    try:
        state = Path(path).stat()
        if not stat.S_ISREG(state.st_mode):
            refuse_device(names.printable(path), state)
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
        path = source.uri if Path(source.uri).is_file() else spool(source.uri)
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


def hash_source(source: Source) -> tuple[str, int]:
    """Return the SHA-256 (hex) and the number of the source's bytes as stored, read in one streaming pass."""
    digest, size = hashlib.sha256(), 0
    with open_source(source) as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size
