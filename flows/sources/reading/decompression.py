"""Decompress gzip and zstd, recognised by their first bytes, in blocks of bounded size."""

import sys
import zlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Protocol

from flows.sources.reading.interruption import InterruptionError

if sys.version_info >= (3, 14):
    from compression import zstd as zstd  # noqa: PLC0414 (tests compress by it)
else:
    from backports import zstd as zstd  # noqa: PLC0414

BLOCK_BYTES = 1024 * 1024
"""Bytes of text in a block: large enough for full speed, small beside a chunk."""


class Compression(StrEnum):
    """The compressions that are known."""

    GZIP = "gzip"
    ZSTD = "zstd"


class Member(Protocol):
    """One gzip member or zstd frame; several of them may follow one another."""

    @property
    def eof(self) -> bool:
        """Return whether the member is complete."""

    @property
    def needs_input(self) -> bool:
        """Return whether all data given so far is decompressed."""

    @property
    def unused_data(self) -> bytes:
        """The data given beyond the member's end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most ``max_length`` bytes of text."""


class GzipMember:
    """A gzip member with the interface of a zstd frame."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        """Return whether the member is complete."""
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        """The data given beyond the member's end."""
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most ``max_length`` bytes of text."""
        text = self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)
        self.needs_input = len(text) < max_length
        return text


MEMBERS: dict[Compression, Callable[[], Member]] = {
    Compression.GZIP: GzipMember,
    Compression.ZSTD: zstd.ZstdDecompressor,
}


def compression(head: bytes) -> Compression | None:
    """Return the compression of a source that begins with these bytes, or None."""
    if head.startswith(b"\x1f\x8b"):
        return Compression.GZIP
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50):
        return Compression.ZSTD
    return None


def decompressed(blocks: Iterator[bytes], kind: Compression, *, size: int) -> Iterator[bytes]:
    """Yield the text in blocks of at most ``size`` bytes; raise InterruptionError if the data breaks off."""
    done = 0
    try:
        for text in _texts(blocks, kind, size):
            done += len(text)
            yield text
    except (zlib.error, zstd.ZstdError) as error:
        reason = str(error).split("; ")[0]
        raise InterruptionError(f"broken {kind} data after {done:,} bytes of text ({reason})") from error
    except EOFError as error:
        raise InterruptionError(f"the {kind} data ends in the middle, {done:,} bytes of text in") from error


def _texts(blocks: Iterator[bytes], kind: Compression, size: int) -> Iterator[bytes]:
    """Yield the text of all members; raise EOFError if the last one is not complete."""
    member: Member | None = None
    is_first = True
    for block in blocks:
        data = block
        while True:
            if member is None:
                # Tapes and some writers pad gzip members with zeros.
                data = data if is_first else data.lstrip(b"\0")
                if not data:
                    break
                member, is_first = MEMBERS[kind](), False
            if text := member.decompress(data, size):
                yield text
            if member.eof:
                data, member = member.unused_data, None
            elif member.needs_input:
                break
            else:
                data = b""
    if member is not None:
        raise EOFError
