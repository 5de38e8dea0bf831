"""Hold the part of a text that is in memory, and its place in the text."""

import hashlib
import re
from collections.abc import Callable, Iterator

from flows.sources.reading.interruption import InterruptionError
from flows.sources.reading.runs import Run, malformed_run
from schemas.frames.chunk import RAW_KEPT_BYTES, ROW_LIMIT_BYTES

GROWTH_BYTES = 4 * 1024 * 1024
"""A long row is read in steps of this size."""

FILLED = re.compile(rb"[^ \t\r\n]")
"""A byte that is not white space."""

BLANK_LINES = re.compile(rb"(?:[ \t\r]*+\n)*+")
"""Whole blank lines."""


class Window:
    """The part of a text that is in memory; it grows at its end and drops the bytes before ``at``.

    data[at] is the next byte, at ``offset`` of the decompressed text and on physical line ``line`` (from 1).
    Growing moves ``at``, so keep positions relative to it.
    """

    def __init__(self, blocks: Iterator[bytes], *, offset: int = 0, line: int = 1) -> None:
        self._blocks = blocks
        self.data = b""
        self.at = 0
        self.offset = offset
        self.line = line
        self.is_ended = False
        self._interruption: InterruptionError | None = None

    def __len__(self) -> int:
        return len(self.data) - self.at

    def grow(self, size: int = 1) -> bool:
        """Read on by ``size`` bytes or more; return False if the text has ended and nothing came.

        Raises InterruptionError if the text breaks off and nothing came.
        """
        pieces, came = [self.data[self.at :]], 0
        while came < size and (block := self._next_block()) is not None:
            pieces.append(block)
            came += len(block)
        self.data, self.at = b"".join(pieces), 0
        if self._interruption is not None and not came:
            raise self._interruption
        return came > 0

    def _next_block(self) -> bytes | None:
        if self.is_ended or self._interruption is not None:
            return None
        try:
            block = next(self._blocks, None)
        except InterruptionError as error:
            self._interruption = error
            return None
        self.is_ended = block is None
        return block

    def reach(self, size: int) -> bool:
        """Grow to ``size`` bytes; return False if the text ends or breaks off before."""
        if len(self) < size and not self.is_ended and self._interruption is None:
            try:
                self.grow(size - len(self))
            except InterruptionError:
                return False
        return len(self) >= size

    def drop(self, length: int, *, lines: int | None = None) -> None:
        """Move on by ``length`` bytes, which hold ``lines`` line feeds (counted here if not given)."""
        self.line += self.data.count(b"\n", self.at, self.at + length) if lines is None else lines
        self.offset += length
        self.at += length

    def take(self, length: int) -> bytes:
        """Move on by ``length`` bytes and return them."""
        taken = self.data[self.at : self.at + length]
        self.drop(length)
        return taken

    def skip_blank_lines(self) -> bool:
        """Move on to the first line that is not blank or is longer than a row; return False if there is none."""
        while True:
            blank = BLANK_LINES.match(self.data, self.at)
            self.drop(blank.end() - self.at if blank else 0)
            if FILLED.search(self.data, self.at) or len(self) > ROW_LIMIT_BYTES:
                return True
            if not self.grow():
                return False

    def skip_blanks(self) -> bool:
        """Move on to the next byte that is not white space; return False if there is none."""
        while True:
            filled = FILLED.search(self.data, self.at)
            self.drop((filled.start() if filled else len(self.data)) - self.at)
            if filled:
                return True
            if not self.grow():
                return False


def consume_malformed(
    window: Window, message: str, *, end: Callable[[bytes], int | None] = lambda _: None
) -> Run:
    """Read past a row that cannot be read, in bounded memory, and return it as one malformed row.

    end: takes the row piece after piece and returns the row's end within the piece, or None if the row goes on.
    """
    line, offset = window.line, window.offset
    digest, kept, length = hashlib.sha256(), b"", 0
    while len(window) or window.grow():
        piece = window.data[window.at :]
        stop = end(piece)
        taken = window.take(len(piece) if stop is None else stop)
        digest.update(taken)
        length += len(taken)
        kept += taken[: RAW_KEPT_BYTES - len(kept)]
        if stop is not None:
            break
    return malformed_run(kept, message, line=line, offset=offset, length=length, sha256=digest.digest())
