"""Split CSV under a header into runs of rows with a column per name.

Regular records are split many at once; all others go through the exact splitter one by one. Both find the same rows.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from operator import add

import polars as pl

from flows.sources.reading.csv_cells import RaggedError, columns, columns_of_cells
from flows.sources.reading.csv_header import REPEATED_HEADER, Header
from flows.sources.reading.csv_long import LongRecord
from flows.sources.reading.csv_records import Record, UnfinishedError
from flows.sources.reading.runs import OVERSIZED, Run, malformed_row, run_of, run_of_lines
from flows.sources.reading.soundness import is_utf8
from flows.sources.reading.window import GROWTH_BYTES, Window, consume_malformed
from schemas.errors import UsageImportError
from schemas.frames.chunk import RAW_KEPT_BYTES, ROW_LIMIT_BYTES, Malformed


def split_records(window: Window, header: Header, *, name: str) -> Iterator[Run]:
    """Yield runs of the rows under the header."""
    regular = header.grammar.regular(len(header.names)).match
    while len(window) or window.grow():
        run = _unquoted_lines(window, header) or _records(window, header, regular)
        if run is not None:
            yield run
        elif len(window) > ROW_LIMIT_BYTES + len(b"\r\n") or (
            len(window) and not window.grow(min(len(window), GROWTH_BYTES)) and len(window) > ROW_LIMIT_BYTES
        ):
            yield _oversized(window, header, name)


def _unquoted_lines(window: Window, header: Header) -> Run | None:
    """Take all whole lines of the window if they are regular and have no quotes; else return None."""
    end = window.data.rfind(b"\n", window.at)
    text = window.data[window.at : end] if end >= 0 else b""
    if not text or len(text) > ROW_LIMIT_BYTES or b'"' in text or not is_utf8(text):
        return None
    count, returns = text.count(b"\n") + 1, text.count(b"\r")
    if returns and not (text.count(b"\r\n") + 1 == returns == count and text.endswith(b"\r")):
        return None
    raws = text[:-1].split(b"\r\n") if returns else text.split(b"\n")
    if not all(raws) or (len(header.names) == 1 and not all(raw.strip(header.blanks) for raw in raws)):
        return None
    try:
        cells = columns(raws, names=header.names, delimiter=header.grammar.delimiter)
    except RaggedError:
        return None
    run = run_of_lines(raws, line=window.line, offset=window.offset, separator=2 if returns else 1)
    window.drop(end + 1 - window.at)
    return _with_cells(run, cells, header)


def _with_cells(run: Run, cells: pl.DataFrame, header: Header) -> Run:
    """Return the run with its cells; rows that repeat the header are malformed."""
    first = header.names[0]
    again = [
        index
        for index in (cells[first] == first).arg_true().to_list()
        if list(cells.row(index)) == header.names
    ]
    if not again or run.raws is None:
        return Run(run.lines, run.offsets, run.raws, run.size, cells, run.malformed)
    faults = {index: malformed_row(run.raws[index], REPEATED_HEADER) for index in again}
    raws = [raw[:RAW_KEPT_BYTES] if index in faults else raw for index, raw in enumerate(run.raws)]
    kept = pl.Series([None if index in faults else index for index in range(len(run))], dtype=pl.UInt32)
    return Run(run.lines, run.offsets, raws, run.size, cells[kept], run.malformed | faults)


Matching = Callable[[bytes, int], re.Match[bytes] | None]


@dataclass
class _FoundRecords:
    """The rows found in one window, to become a run.

    faults: the rows that cannot be read, which have no cells.
    exact: the cells of the rows that the exact splitter read.
    All other rows are regular; their cells are parsed together when the run is made.
    """

    raws: list[bytes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    faults: dict[int, Malformed] = field(default_factory=dict)
    exact: dict[int, list[bytes]] = field(default_factory=dict)

    def add(self, record: Record, raw: bytes, *, line: int, offset: int, fault: str | None) -> None:
        if fault is None:
            self.exact[len(self.raws)] = record.cells
        else:
            self.faults[len(self.raws)] = malformed_row(raw, fault)
        self.raws.append(raw if fault is None else raw[:RAW_KEPT_BYTES])
        self.lines.append(line)
        self.offsets.append(offset)

    def add_lines(self, lines: list[bytes], *, line: int, offset: int) -> int:
        """Append whole lines that follow one another; return the offset after them."""
        starts = list(accumulate(map(len, lines), initial=offset))
        self.raws += lines
        self.lines += range(line, line + len(lines))
        self.offsets += map(add, starts[:-1], range(len(lines)))  # each is followed by a line feed
        return starts[-1] + len(lines)

    def number(self, text: bytes, start: int, end: int, *, line: int) -> int:
        """Number the records that have no line yet, from `start` to `end`; return the line after them."""
        feeds = text.count(b"\n", start, end)
        self.lines += _line_numbers(self.raws[len(self.lines) :], line, feeds)
        return line + feeds

    def run(self, header: Header) -> Run | None:
        """Return the rows as one run, or None if there are none.

        Raises RaggedError if a regular row has more or fewer cells than the header.
        """
        if not self.raws:
            return None
        odd = sorted(self.faults.keys() | self.exact.keys())
        begins, ends = [0, *(index + 1 for index in odd)], [*odd, len(self.raws)]
        raws = [raw for begin, end in zip(begins, ends, strict=True) for raw in self.raws[begin:end]]
        cells = columns(raws, names=header.names, delimiter=header.grammar.delimiter)
        if odd:
            exact = columns_of_cells(list(self.exact.values()), names=header.names)
            cells = pl.concat([cells, exact])[self._order(odd)]
        run = run_of(self.raws, lines=self.lines, offsets=self.offsets, malformed=self.faults)
        return _with_cells(run, cells, header)

    def _order(self, odd: list[int]) -> pl.Series:
        """Return the index of each row's cells, those of exact rows after those of regular ones; null for a faulty row."""
        is_regular = pl.repeat(1, len(self.raws), dtype=pl.UInt32, eager=True).scatter(odd, 0)
        regular = len(self.raws) - len(odd)
        order = (is_regular.cum_sum() - 1).scatter(
            list(self.exact), range(regular, regular + len(self.exact))
        )
        return order.scatter(list(self.faults), None)


def _records(window: Window, header: Header, regular: Matching) -> Run | None:
    """Take the records that lie whole in the window; return None if there is no row among them."""
    try:
        found, end = _find(window, header, regular, is_bulk_tried=True)
        run = found.run(header)
    except RaggedError:
        found, end = _find(window, header, regular, is_bulk_tried=False)
        run = found.run(header)
    window.drop(end - window.at)
    return run


def _find(
    window: Window, header: Header, regular: Matching, *, is_bulk_tried: bool
) -> tuple[_FoundRecords, int]:
    """Return the records that lie whole in the window, and the index after them.

    is_bulk_tried: whether to take lines without quotes many at once; the cells of those are not counted.
    """
    text, at, found = window.data, window.at, _FoundRecords()
    line, shift = window.line, window.offset - window.at
    if not is_utf8(text) or len(text) > ROW_LIMIT_BYTES or len(header.names) == 1:
        regular, is_bulk_tried = _nothing, False
    while at < len(text):
        start = at
        while match := regular(text, at):
            found.raws.append(match[1])
            found.offsets.append(at + shift)
            at = match.end()
            if is_bulk_tried and b'"' not in match[1]:
                line = found.number(text, start, at, line=line)
                plain = _plain_lines(text, at)
                is_bulk_tried = plain is not None
                at = found.add_lines(plain or [], line=line, offset=at + shift) - shift
                start, line = at, line + len(plain or [])
        line = found.number(text, start, at, line=line)
        try:
            record = header.grammar.record(text, at, is_last=window.is_ended)
        except UnfinishedError:
            break
        raw = text[at : record.end]
        if len(raw) > ROW_LIMIT_BYTES:
            break
        if raw.strip(header.blanks):
            fault = header.fault(record, raw, at)
            found.add(record, raw, line=line, offset=at + shift, fault=fault)
        following = min(record.next, len(text))
        line += text.count(b"\n", at, following)
        at = following
    return found, at


def _plain_lines(text: bytes, at: int) -> list[bytes] | None:
    """Return the whole lines up to the next quote, or None if one of them may be no row.

    Lines taken together need a third of the time of lines matched one by one.
    """
    quote = text.find(b'"', at)
    end = text.rfind(b"\n", at, quote if quote >= 0 else len(text))
    if end < at:
        return []
    plain = text[at:end]
    lines = plain.split(b"\n")
    return lines if all(lines) and b"\r" not in plain else None


def _nothing(_text: bytes, _at: int) -> None:
    """Match no record as regular; with one column, a blank line would look like a row."""


def _line_numbers(raws: list[bytes], line: int, feeds: int) -> Iterable[int]:
    """Return the physical line of each of the records that follow one another from ``line`` on."""
    if feeds == len(raws):
        return range(line, line + len(raws))
    return accumulate((raw.count(b"\n") + 1 for raw in raws[:-1]), initial=line)


def _oversized(window: Window, header: Header, name: str) -> Run:
    """Read past a record too long to be held, as one malformed row."""
    line, end = window.line, LongRecord(header.grammar.delimiter)
    run = consume_malformed(window, OVERSIZED, end=end.end)
    if end.is_open:
        raise UsageImportError(
            f"{name}: a quoted cell of the row on line {line} is not closed within 16 MiB; close the quote, or double it"
        )
    return run
