"""CSV rows: records under a header, in runs with a column per name."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from flows.reading.csv_records import Grammar, Record, Unfinished
from flows.reading.runs import OVERSIZED, Run, malformed, run_of
from flows.reading.soundness import unsoundness
from flows.reading.window import Window, swallow
from schemas.chunk import RAW_KEPT_BYTES, ROW_LIMIT_BYTES, Malformed
from schemas.errors import UsageImportError

GROWTH_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Header:
    """The names of a file's columns, and how its records look."""

    names: list[str]
    grammar: Grammar

    def ragged(self, record: Record, start: int) -> str | None:
        """What is wrong with a record's width, or None."""
        width, found = len(self.names), len(record.cells)
        if found == width:
            return None
        at = record.starts[width] if found > width else record.end
        return f"expected {width} column{'s' * (width > 1)}, found {found} (byte {at - start})"


def read_header(window: Window, *, name: str, grammar: Grammar) -> Header | None:
    """The first record that is not blank; None where there is none. Raises UsageImportError for a bad one."""
    if not window.skip_blanks():
        return None
    start_line = window.line
    while True:
        try:
            record = grammar.record(window.data, window.at, is_last=window.is_ended)
            break
        except Unfinished:
            if len(window) > ROW_LIMIT_BYTES:
                raise UsageImportError(f"{name}: the header on line {start_line} is {OVERSIZED[4:]}") from None
            window.grow(max(1, min(len(window), GROWTH_BYTES)))
    text = window.data[window.at : record.end]
    message = record.message or unsoundness(text)
    if message is None and b"\r" in text.replace(b"\r\n", b""):
        message = "carriage returns alone do not end a line; convert the line ends"
    if message is not None:
        raise UsageImportError(f"{name}: the header on line {start_line} cannot be read: {message}")
    names = [cell.decode() for cell in record.cells]
    twice = next((column for column in names if names.count(column) > 1), None)
    if twice is not None:
        raise UsageImportError(f"{name}: the header has the column {twice!r} twice; rename one of them")
    window.drop(min(record.next, len(window.data)) - window.at)
    return Header(names=names, grammar=grammar)


def split_records(window: Window, header: Header, *, name: str) -> Iterator[Run]:
    """Runs of the rows under the header."""
    while len(window) or window.grow():
        rows = _records(window, header)
        if len(rows.raws):
            yield rows.run(header)
        elif rows.is_stuck and len(window) > ROW_LIMIT_BYTES:
            yield swallow(window, OVERSIZED, end=lambda piece: None)
        elif rows.is_stuck:
            window.grow(max(1, min(len(window), GROWTH_BYTES)))


class _Rows:
    """Records of one window."""

    def __init__(self) -> None:
        self.raws: list[bytes] = []
        self.lines: list[int] = []
        self.offsets: list[int] = []
        self.malformed: dict[int, Malformed] = {}
        self.cells: list[list[bytes]] = []
        self.is_stuck = False

    def run(self, header: Header) -> Run:
        rows = [
            [None] * len(header.names) if index in self.malformed else [cell.decode() for cell in cells]
            for index, cells in enumerate(self.cells)
        ]
        cells = pl.DataFrame(rows, schema=dict.fromkeys(header.names, pl.String), orient="row")
        return run_of(
            self.raws, lines=self.lines, offsets=self.offsets, malformed=self.malformed, cells=cells
        )


def _records(window: Window, header: Header) -> _Rows:
    rows = _Rows()
    blanks = b" \t\r".replace(header.grammar.delimiter, b"")
    while len(window):
        try:
            record = header.grammar.record(window.data, window.at, is_last=window.is_ended)
        except Unfinished:
            rows.is_stuck = True
            break
        raw = window.data[window.at : record.end]
        if raw.strip(blanks):
            message = (
                record.message
                or unsoundness(raw)
                or header.ragged(record, window.at)
                or ("the header again" if [c.decode() for c in record.cells] == header.names else None)
            )
            if message:
                rows.malformed[len(rows.raws)] = malformed(raw, message)
                raw = raw[:RAW_KEPT_BYTES]
            rows.raws.append(raw)
            rows.lines.append(window.line)
            rows.offsets.append(window.offset)
            rows.cells.append(record.cells)
        window.drop(min(record.next, len(window.data)) - window.at)
    return rows
