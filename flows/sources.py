"""Sources: the files that paths, folders, globs, URLs of object storage and standard input stand for."""

import glob
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from schemas.errors import ConfigurationError, UsageImportError

STANDARD_INPUT = "-"
BLOCK_BYTES = 1024 * 1024

FORMATS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".pq")
COMPRESSIONS = ("", ".gz", ".gzip", ".zst", ".zstd")
KNOWN_NAMES = tuple(
    name + packed for name in FORMATS for packed in COMPRESSIONS if not (packed and name in {".parquet", ".pq"})
)


@dataclass(frozen=True)
class Source:
    """One file: where it is, how many bytes it has and what it is pinned to."""

    uri: str
    size: int | None
    version: str | None


def list_sources(sources: Sequence[str]) -> list[Source]:
    """The files that the sources stand for, in the order given; those of a folder or glob by the bytes of the path.

    A folder stands for the files of known endings in it and below it; what is hidden is left out. Raises
    ConfigurationError for a source that stands for nothing, UsageImportError for one that cannot be reached.
    """
    return [file for source in sources for file in _files(source)]


def _files(source: str) -> list[Source]:
    if source == STANDARD_INPUT:
        return [Source(STANDARD_INPUT, None, None)]
    path = Path(source)
    if path.is_dir():
        return _folder(source)
    if path.exists():
        return [_local(source)]
    if glob.has_magic(source):
        return _glob(source)
    raise ConfigurationError(f"{source}: there is no such file or folder; check the path")


def _folder(source: str) -> list[Source]:
    found = [
        os.path.join(folder, name)
        for folder, folders, names in os.walk(source, onerror=_refuse)
        for name in _visible(names, folders)
        if name.lower().endswith(KNOWN_NAMES)
    ]
    if not found:
        raise ConfigurationError(f"{source}: no file in this folder ends in {', '.join(FORMATS)} (or .gz, .zst)")
    return [_local(path) for path in sorted(found, key=os.fsencode)]


def _visible(names: list[str], folders: list[str]) -> list[str]:
    folders[:] = [folder for folder in folders if not folder.startswith(".")]
    return [name for name in names if not name.startswith(".")]


def _refuse(error: OSError) -> None:
    raise _refused(str(error.filename), error) from error


def _glob(source: str) -> list[Source]:
    found = [path for path in glob.glob(source, recursive=True) if os.path.isfile(path)]
    if not found:
        raise ConfigurationError(f"{source}: no file matches; check the pattern, and quote it from the shell")
    return [_local(path) for path in sorted(found, key=os.fsencode)]


def _local(path: str) -> Source:
    try:
        state = os.stat(path)
        with open(path, "rb"):
            pass
    except OSError as error:
        raise _refused(path, error) from error
    return Source(path, state.st_size, _version(state))


def _version(state: os.stat_result) -> str:
    return f"{state.st_size}-{state.st_mtime_ns}-{state.st_ino}"


def _refused(path: str, error: OSError) -> UsageImportError:
    return UsageImportError(f"{path}: {(error.strerror or str(error)).lower()}; check the file and its permissions")


@contextmanager
def open_source(source: Source) -> Iterator[BinaryIO]:
    """The bytes of a source from its beginning; raises UsageImportError where they are not those it is pinned to."""
    path = _spooled_input() if source.uri == STANDARD_INPUT else source.uri
    try:
        with open(path, "rb") as file:
            _check(source, file)
            yield file
            _check(source, file)
    except OSError as error:
        raise _refused(source.uri, error) from error


def _check(source: Source, file: BinaryIO) -> None:
    if source.version is not None and _version(os.fstat(file.fileno())) != source.version:
        raise UsageImportError(f"{source.uri}: the file changed while it was read; run again once it stands still")


@cache
def _spooled_input() -> str:
    """A file with all of standard input, read once; it goes with the process."""
    spool = tempfile.NamedTemporaryFile(prefix="usage-import-")  # noqa: SIM115 - lives as long as the process
    _spools.append(spool)
    while block := sys.stdin.buffer.read(BLOCK_BYTES):
        spool.write(block)
    spool.flush()
    return spool.name


_spools: list[object] = []


def hash_source(source: Source) -> tuple[str, int]:
    """SHA-256 (hex) and number of the source's bytes as stored, in one streaming pass."""
    digest, size = hashlib.sha256(), 0
    with open_source(source) as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size
