"""CSV records: the exact splitting of one record into cells, and what can be wrong with it.

Records end with LF or CRLF outside quotes. A cell that begins with a quote is quoted: quotes inside are doubled, and
a delimiter or the record's end follows. Elsewhere a quote or a carriage return is a character like any other.
"""

import re
from dataclasses import dataclass

from flows.sources.reading.values import shown


class UnfinishedError(Exception):
    """The record goes on beyond the text at hand."""


@dataclass(frozen=True)
class Record:
    """One record of a text.

    end: index after its last byte, without the line end; next: where the following one begins; cells: their
    bytes; starts: index of each cell; message: why it cannot be read (then the record is its first physical line).
    """

    end: int
    next: int
    cells: list[bytes]
    starts: list[int]
    message: str | None = None


class Grammar:
    """How records of one delimiter look."""

    def __init__(self, delimiter: bytes) -> None:
        mark = re.escape(delimiter)
        self.delimiter = delimiter
        self._quoted = re.compile(rb'"([^"]*+(?:""[^"]*+)*+)"')
        self._plain = re.compile(rb"[^" + mark + rb"\n]*+")

    def regular(self, width: int) -> re.Pattern[bytes]:
        """Matches a whole record of ``width`` cells with its line end, which is not part of group 1.

        It holds no quote inside an unquoted cell, and no carriage return.
        """
        mark = re.escape(self.delimiter)
        cell = rb'(?:[^"' + mark + rb'\r\n]*+|"[^"\r]*+(?:""[^"\r]*+)*+")'
        return re.compile(rb"((?:" + cell + mark + rb"){%d}" % (width - 1) + cell + rb")\r?+\n")

    def record(self, text: bytes, start: int, *, is_last: bool) -> Record:
        """The record that begins at ``start``; raises UnfinishedError where it needs more than the text."""
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
    """Index of the line feed (or of the text's end) that ends the record, None where something else stands."""
    end = at + 1 if is_quoted and text.startswith(b"\r", at) else at
    if end >= len(text):
        if not is_last:
            raise UnfinishedError
        return end
    return end if text.startswith(b"\n", end) else None


def _broken(text: bytes, start: int, *, quote: int, unexpected: int | None) -> Record:
    """The first physical line of a record whose quoted cell does not end as it should."""
    end = text.find(b"\n", start)
    end = len(text) if end < 0 else end
    if unexpected is None or unexpected > end:
        message = f"quoted cell is not closed at byte {quote - start}"
    else:
        message = f"unexpected {shown(text[unexpected])} after a quoted cell at byte {unexpected - start}"
    stop = end - 1 if end > start and text.startswith(b"\r", end - 1) else end
    return Record(end=stop, next=end + 1, cells=[], starts=[], message=message)
