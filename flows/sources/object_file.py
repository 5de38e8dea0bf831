"""Read an object as a file: range by range, always the same version of it."""

import io
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, cast

import obstore
from obstore import exceptions

from flows.sources.object_store import Location, find_object, location_of, request, store_of
from flows.sources.reading import names
from schemas.errors import UnreachableError, UsageImportError

RANGE_BYTES = 8 * 1024 * 1024
"""Bytes of one request: a broken one costs little, and the round trip is short compared with it."""

ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.2
"""A range is requested up to ``ATTEMPTS`` times, the pause doubling, beyond the retries of the client itself."""


def open_object(uri: str, *, size: int | None, etag: str | None) -> AbstractContextManager[BinaryIO]:
    """Open an object as a file that can be sought in.

    size, etag: as listed; without a size both are looked up.
    Reading raises UsageImportError once the object is no longer the one with this tag.
    """
    location = location_of(uri)
    if size is None:
        found = find_object(location)
        if found is None:
            raise UsageImportError(f"{names.printable(uri)}: there is no such object; check the URL")
        size, etag = found.size, etag or found.etag
    return cast("BinaryIO", ObjectFile(location, size=size, etag=etag))


class ObjectFile(io.RawIOBase):
    """An object as a file: it reads ranges, and the next one ahead of its use."""

    def __init__(self, location: Location, *, size: int, etag: str | None) -> None:
        super().__init__()
        self._location = location
        self._size = size
        self._etag = etag
        self._at = 0
        self._start = 0
        self._range = b""
        self._ahead: tuple[int, Future[bytes]] | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="ahead")

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the offset of the next read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to an offset, as a file does."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readall(self) -> bytes:
        """Return all bytes up to the end."""
        return self._read(self._size)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end."""
        return self._read(self._size if size is None or size < 0 else size)

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer, as a file does."""
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        pieces, end = [], min(self._at + size, self._size)
        while self._at < end:
            if not self._start <= self._at < self._start + len(self._range):
                self._load_range(self._at)
            piece = self._range[self._at - self._start : end - self._start]
            pieces.append(piece)
            self._at += len(piece)
        return b"".join(pieces)

    def _load_range(self, start: int) -> None:
        """Make the range at ``start`` the current one; if the file is read in sequence, fetch the next one meanwhile."""
        is_sequence = start == self._start + len(self._range)
        if self._ahead and self._ahead[0] == start:
            self._range = self._ahead[1].result()
        else:
            self._range = self._fetch(start)
        self._start, following = start, start + len(self._range)
        self._ahead = None
        if is_sequence and following < self._size:
            self._ahead = (following, self._worker.submit(self._fetch, following))

    def _fetch(self, start: int) -> bytes:
        """Return the range at ``start``, requested again after a failure."""
        end = min(start + RANGE_BYTES, self._size)
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._fetch_once(start, end)
            except UsageImportError as error:
                # A refusal is final; only a failure or a short answer is worth another attempt.
                if attempt == ATTEMPTS or not isinstance(
                    error.__cause__, (exceptions.GenericError, ShortAnswerError)
                ):
                    raise
                time.sleep(pause)
                pause *= 2
        raise AssertionError

    def _fetch_once(self, start: int, end: int) -> bytes:
        options: Any = {"range": (start, end)}
        if self._etag is not None:
            options["if_match"] = self._etag
        location = self._location
        uri = location.uri(location.key)
        try:
            data = request(
                uri,
                lambda: bytes(obstore.get(store_of(location.root), location.key, options=options).bytes()),
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
        """Discard the bytes that were read ahead."""
        if not self.closed:
            self._worker.shutdown(wait=False, cancel_futures=True)
            self._range = b""
        super().close()


class ShortAnswerError(Exception):
    """An answer has fewer bytes than the requested range."""
