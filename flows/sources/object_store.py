"""Objects: files in object storage, listed page by page and read range by range, pinned to their version."""

import io
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, BinaryIO, TypeVar, cast

import obstore
from obstore import exceptions
from obstore.store import ObjectStore, from_url

from flows.sources.object_store_errors import (
    STORAGES,
    check_endpoint,
    is_plain_allowed,
    reason_of,
    storage_of,
)
from flows.sources.reading import names
from schemas.errors import ConfigurationError, UnreachableError, UsageImportError

RANGE_BYTES = 8 * 1024 * 1024
"""Bytes of one request: a broken one costs little, and the way there and back is short beside it."""

PAGE_OBJECTS = 1000

ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.2
"""A range is asked for so often, the pause doubling, beyond what the client retries by itself."""

RETRIES: Any = {
    "max_retries": 4,
    "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=2), "base": 2},
    "retry_timeout": timedelta(seconds=30),
}
TIMEOUTS: Any = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=60)}

MAGIC = re.compile(r"[*?\[]")

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Object:
    """One object: its URL, its bytes, and the tag that changes with them."""

    uri: str
    size: int
    pin: str | None


@dataclass(frozen=True)
class Place:
    """A bucket and what is asked for in it."""

    scheme: str
    bucket: str
    key: str

    @property
    def root(self) -> str:
        """The bucket's URL."""
        return f"{self.scheme}://{self.bucket}"

    def uri(self, key: str) -> str:
        """An object's URL."""
        return f"{self.root}/{key}"


def place_of(url: str) -> Place:
    """The parts of a URL as it is typed: nothing in it is percent-encoded. Raises ConfigurationError."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in STORAGES:
        known = ", ".join(f"{known}://" for known in STORAGES)
        raise ConfigurationError(
            f"{names.printable(url)}: nothing is read from {scheme}://; known are {known} and paths"
        )
    if not bucket:
        raise ConfigurationError(
            f"{names.printable(url)}: the bucket is missing; write {scheme}://bucket/prefix/"
        )
    return Place(scheme, bucket, key)


def list_objects(url: str) -> list[Object]:
    """The objects that a URL stands for: one of this key, those that match, or those below this prefix.

    By the bytes of the key; a prefix stands for keys of known endings without hidden parts. Raises ConfigurationError
    where there is none, UsageImportError where the storage does not answer.
    """
    place = place_of(url)
    if place.key and not place.key.endswith("/") and (found := _head(place)):
        return [found]
    if MAGIC.search(place.key):
        return _matching(place, url)
    prefix = place.key.rstrip("/")
    below = [meta for meta in _listed(place, prefix) if names.is_known(_relative(meta["path"], prefix))]
    if not below:
        raise ConfigurationError(
            f"{names.printable(url)}: there is no such object, and no export below this prefix; check it"
        )
    return _objects(place, below)


def _relative(key: str, prefix: str) -> str:
    return key.removeprefix(prefix).lstrip("/")


def _objects(place: Place, metas: list[Any]) -> list[Object]:
    ordered = sorted(metas, key=lambda meta: meta["path"].encode())
    return [Object(place.uri(meta["path"]), meta["size"], meta["e_tag"]) for meta in ordered]


def _head(place: Place) -> Object | None:
    try:
        meta = _asked(place.uri(place.key), lambda: obstore.head(_store(place.root), place.key))
    except FileNotFoundError:
        return None
    return Object(place.uri(place.key), meta["size"], meta["e_tag"])


def _listed(place: Place, prefix: str) -> Iterator[Any]:
    pages = obstore.list(_store(place.root), prefix=prefix or None, chunk_size=PAGE_OBJECTS)
    while True:
        try:
            page = _asked(place.uri(prefix), lambda: next(pages, None))
        except FileNotFoundError:
            raise UsageImportError(f"{place.root}: there is no such bucket; check its name") from None
        if page is None:
            return
        yield from page


def _matching(place: Place, url: str) -> list[Object]:
    """Objects whose key matches, or which lie below a prefix that does."""
    fixed = place.key[: MAGIC.search(place.key).start()]  # type: ignore[union-attr]
    matches = glob_pattern(place.key.rstrip("/"))
    found = [
        meta
        for meta in _listed(place, fixed.rpartition("/")[0])
        if matches.fullmatch(meta["path"]) or _is_below(meta["path"], matches)
    ]
    if not found:
        raise ConfigurationError(f"{names.printable(url)}: no object matches; check the pattern")
    return _objects(place, found)


def _is_below(key: str, matches: re.Pattern[str]) -> bool:
    parts = key.split("/")
    return any(
        matches.fullmatch("/".join(parts[:depth])) and names.is_known("/".join(parts[depth:]))
        for depth in range(1, len(parts))
    )


def glob_pattern(pattern: str) -> re.Pattern[str]:
    """What a glob matches: ``*`` and ``?`` stay within a part of the key, ``**`` does not, nothing hidden by chance.

    >>> bool(glob_pattern("dt=*/x.jsonl").fullmatch("dt=2026-01-01/x.jsonl"))
    True
    """
    regex, at = "", 0
    for token in re.finditer(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\]", pattern):
        regex += re.escape(pattern[at : token.start()])
        at = token.end()
        is_first = token.start() == 0 or pattern[token.start() - 1] == "/"
        visible = r"(?!\.)" if is_first else ""
        match token[0]:
            case "**/":
                regex += r"(?:(?!\.)[^/]+/)*"
            case "**":
                regex += r"(?:(?!\.)[^/]+(?:/(?!\.)[^/]+)*)?"
            case "*":
                regex += visible + "[^/]*"
            case "?":
                regex += visible + "[^/]"
            case choice:
                regex += (
                    "["
                    + ("^" if choice[1] in "!^" else "")
                    + re.escape(choice[1:-1].lstrip("!^")).replace(r"\-", "-")
                    + "]"
                )
    return re.compile(regex + re.escape(pattern[at:]), re.DOTALL)


@cache
def _store(root: str) -> ObjectStore:
    """The store of one bucket; credentials, endpoint and region come from the environment."""
    storage = storage_of(root)
    check_endpoint(storage)
    try:
        # Options of ours hide from the client what the environment says of encryption.
        options = TIMEOUTS | {"allow_http": is_plain_allowed(storage)}
        return from_url(root, retry_config=RETRIES, client_options=options)
    except (exceptions.BaseError, ValueError, OSError) as error:
        raise ConfigurationError(f"{root}: {reason_of(error, storage)}") from error


def _asked(uri: str, ask: Callable[[], Answer]) -> Answer:
    """An answer of the storage; raises FileNotFoundError where there is no such thing, UnreachableError where none comes."""
    name, storage = names.printable(uri), storage_of(uri)
    try:
        return ask()
    except (exceptions.NotFoundError, FileNotFoundError) as error:
        if "NoSuchBucket" in str(error):
            raise UsageImportError(f"{name}: {reason_of(error, storage)}") from error
        raise FileNotFoundError from error
    except exceptions.PreconditionError as error:
        raise UsageImportError(
            f"{name}: the object changed while it was read; run again once it stands still"
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"{name}: no key can read so; check for doubled slashes and dots") from error
    except (exceptions.BaseError, OSError) as error:
        raise UnreachableError(f"{name}: {reason_of(error, storage)}") from error


def open_object(uri: str, *, size: int | None, pin: str | None) -> AbstractContextManager[BinaryIO]:
    """The bytes of an object, read in ranges; raises UsageImportError once they are not those of the version."""
    place = place_of(uri)
    if size is None:
        found = _head(place)
        if found is None:
            raise UsageImportError(f"{names.printable(uri)}: there is no such object; check the URL")
        size, pin = found.size, pin or found.pin
    return cast("BinaryIO", ObjectFile(place, size=size, pin=pin))


class ObjectFile(io.RawIOBase):
    """An object as a file: reads ranges, the next one ahead of its use."""

    def __init__(self, place: Place, *, size: int, pin: str | None) -> None:
        super().__init__()
        self._place = place
        self._size = size
        self._pin = pin
        self._at = 0
        self._start = 0
        self._held = b""
        self._ahead: tuple[int, Future[bytes]] | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="ahead")

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """As a file does."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readall(self) -> bytes:
        """Everything up to the end."""
        return self._read(self._size)

    def read(self, size: int | None = -1, /) -> bytes:
        """As many bytes as asked for, fewer only at the end."""
        return self._read(self._size if size is None or size < 0 else size)

    def readinto(self, buffer: Any, /) -> int:
        """As a file does."""
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        pieces, end = [], min(self._at + size, self._size)
        while self._at < end:
            if not self._start <= self._at < self._start + len(self._held):
                self._hold(self._at)
            piece = self._held[self._at - self._start : end - self._start]
            pieces.append(piece)
            self._at += len(piece)
        return b"".join(pieces)

    def _hold(self, start: int) -> None:
        is_sequence = start == self._start + len(self._held)
        if self._ahead and self._ahead[0] == start:
            self._held = self._ahead[1].result()
        else:
            self._held = self._range(start)
        self._start, following = start, start + len(self._held)
        self._ahead = None
        if is_sequence and following < self._size:
            self._ahead = (following, self._worker.submit(self._range, following))

    def _range(self, start: int) -> bytes:
        end = min(start + RANGE_BYTES, self._size)
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._asked_range(start, end)
            except UsageImportError as error:
                # What the storage refuses it refuses again
                if attempt == ATTEMPTS or not isinstance(
                    error.__cause__, (exceptions.GenericError, ShortAnswerError)
                ):
                    raise
                time.sleep(pause)
                pause *= 2
        raise AssertionError

    def _asked_range(self, start: int, end: int) -> bytes:
        options: Any = {"range": (start, end)}
        if self._pin is not None:
            options["if_match"] = self._pin
        uri = self._place.uri(self._place.key)
        try:
            data = _asked(
                uri,
                lambda: bytes(
                    obstore.get(_store(self._place.root), self._place.key, options=options).bytes()
                ),
            )
        except FileNotFoundError as error:
            raise UsageImportError(
                f"{names.printable(uri)}: the object is gone; put it back or leave it out"
            ) from error
        if len(data) != end - start:
            raise UnreachableError(
                f"{names.printable(uri)}: the storage keeps breaking off; run again"
            ) from ShortAnswerError()
        return data

    def close(self) -> None:
        """Lets go of what was read ahead."""
        if not self.closed:
            self._worker.shutdown(wait=False, cancel_futures=True)
            self._held = b""
        super().close()


class ShortAnswerError(Exception):
    """An answer that is shorter than what was asked for."""
