"""The window: the part of a text that is in memory, and where in the text it lies."""

import hashlib
import re
from collections.abc import Callable, Iterator

from flows.sources.reading.interruption import BreakOffError
from flows.sources.reading.runs import Run, one_malformed
from schemas.frames.chunk import RAW_KEPT_BYTES, ROW_LIMIT_BYTES

FILLED = re.compile(rb"[^ \t\r\n]")

BLANK_LINES = re.compile(rb"(?:[ \t\r]*+\n)*+")


class Window:
    """Bytes of a text; grows at its end, and what lies before ``at`` is let go.

    data[at] is the next byte, at ``offset`` of the decompressed text and on physical line ``line`` (from 1).
    Growing moves ``at``: positions are kept relative to it.
    """

    def __init__(self, blocks: Iterator[bytes], *, offset: int = 0, line: int = 1) -> None:
        self._blocks = blocks
        self.data = b""
        self.at = 0
        self.offset = offset
        self.line = line
        self.is_ended = False
        self._interruption: BreakOffError | None = None

    def __len__(self) -> int:
        return len(self.data) - self.at

    def grow(self, size: int = 1) -> bool:
        """Takes in blocks of ``size`` bytes or more; False where the text has ended and nothing came.

        Raises BreakOffError where the text breaks off and nothing came.
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
        except BreakOffError as error:
            self._interruption = error
            return None
        self.is_ended = block is None
        return block

    def reach(self, size: int) -> bool:
        """Grows to ``size`` bytes; False where the text ends or breaks off before."""
        if len(self) < size and not self.is_ended and self._interruption is None:
            try:
                self.grow(size - len(self))
            except BreakOffError:
                return False
        return len(self) >= size

    def drop(self, length: int, *, lines: int | None = None) -> None:
        """Goes on by ``length`` bytes, which hold as many line feeds as ``lines`` says (else they are counted)."""
        self.line += self.data.count(b"\n", self.at, self.at + length) if lines is None else lines
        self.offset += length
        self.at += length

    def take(self, length: int) -> bytes:
        """Goes on by ``length`` bytes and answers them."""
        taken = self.data[self.at : self.at + length]
        self.drop(length)
        return taken

    def skip_blank_lines(self) -> bool:
        """Goes on to the first line that is not blank, or too long to tell; False where there is none."""
        while True:
            blank = BLANK_LINES.match(self.data, self.at)
            self.drop(blank.end() - self.at if blank else 0)
            if FILLED.search(self.data, self.at) or len(self) > ROW_LIMIT_BYTES:
                return True
            if not self.grow():
                return False

    def skip_blanks(self) -> bool:
        """Goes on to the next byte that is no white space; False where there is none."""
        while True:
            filled = FILLED.search(self.data, self.at)
            self.drop((filled.start() if filled else len(self.data)) - self.at)
            if filled:
                return True
            if not self.grow():
                return False


def swallow(window: Window, message: str, *, end: Callable[[bytes], int | None] = lambda _: None) -> Run:
    """One malformed row of everything up to its end, in bounded memory.

    end: is shown piece after piece; answers the row's end within the piece, or None where the row goes on.
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
    return one_malformed(kept, message, line=line, offset=offset, length=length, sha256=digest.digest())
