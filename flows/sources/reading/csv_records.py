"""Split one CSV record into cells exactly, and name its faults.

Records end with LF or CRLF outside quotes. A cell that begins with a quote is quoted: quotes inside are doubled, and
a delimiter or the record's end follows. Elsewhere a quote or a carriage return is a character like any other.
"""

import re
from dataclasses import dataclass

from flows.sources.reading.values import display_byte


class UnfinishedError(Exception):
    """The record goes on beyond the text at hand."""


@dataclass(frozen=True)
class Record:
    """One record of a text.

    end: index after its last byte, without the line end.
    next: index where the following record begins.
    cells: the bytes of each cell.
    starts: the index of each cell.
    message: why it cannot be read, if so; the record is then its first physical line.
    """

    end: int
    next: int
    cells: list[bytes]
    starts: list[int]
    message: str | None = None


class Grammar:
    """The grammar of records with one delimiter."""

    def __init__(self, delimiter: bytes) -> None:
        mark = re.escape(delimiter)
        self.delimiter = delimiter
        self._quoted = re.compile(rb'"([^"]*+(?:""[^"]*+)*+)"')
        self._plain = re.compile(rb"[^" + mark + rb"\n]*+")

    def regular(self, width: int) -> re.Pattern[bytes]:
        """Return a pattern for a whole regular record of ``width`` cells; group 1 is the record without its line end.

        A regular record has no quote inside an unquoted cell, and no carriage return.
        """
        mark = re.escape(self.delimiter)
        cell = rb'(?:[^"' + mark + rb'\r\n]*+|"[^"\r]*+(?:""[^"\r]*+)*+")'
        return re.compile(rb"((?:" + cell + mark + rb"){%d}" % (width - 1) + cell + rb")\r?+\n")

    def record(self, text: bytes, start: int, *, is_last: bool) -> Record:
        """Return the record that begins at ``start``; raise UnfinishedError if it goes on beyond the text."""
        cells: list[bytes] = []
        starts: list[int] = []
        at = start
        while True:
            starts.append(at)
            is_quoted = text.startswith(b'"', at)
            match = (self._quoted if is_quoted else self._plain).match(text, at)
            if not is_last and (match is None or (is_quoted and match.end() == len(text))):
                raise UnfinishedError
            if match is None:
                return _broken(text, start, quote=at, unexpected=None)
            cells.append(match[1].replace(b'""', b'"') if is_quoted else match[0])
            at = match.end()
            if text.startswith(self.delimiter, at):
                at += 1
                continue
            end = _line_end(text, at, is_quoted=is_quoted, is_last=is_last)
            if end is None:
                return _broken(text, start, quote=starts[-1], unexpected=at)
            if not is_quoted and end == at and cells[-1].endswith(b"\r"):
                cells[-1] = cells[-1][:-1]
                at -= 1
            return Record(end=at, next=end + 1, cells=cells, starts=starts)


def _line_end(text: bytes, at: int, *, is_quoted: bool, is_last: bool) -> int | None:
    """Return the index of the line feed or end of text that ends the record, or None if something else is there."""
    end = at + 1 if is_quoted and text.startswith(b"\r", at) else at
    if end >= len(text):
        if not is_last:
            raise UnfinishedError
        return end
    return end if text.startswith(b"\n", end) else None


def _broken(text: bytes, start: int, *, quote: int, unexpected: int | None) -> Record:
    """Return the first physical line of a record with a quoted cell that does not end as it should."""
    end = text.find(b"\n", start)
    end = len(text) if end < 0 else end
    if unexpected is None or unexpected > end:
        message = f"quoted cell is not closed at byte {quote - start}"
    else:
        message = (
            f"unexpected {display_byte(text[unexpected])} after a quoted cell at byte {unexpected - start}"
        )
    stop = end - 1 if end > start and text.startswith(b"\r", end - 1) else end
    return Record(end=stop, next=end + 1, cells=[], starts=[], message=message)
