"""Read the header of a CSV file."""

from collections import Counter
from dataclasses import dataclass

from flows.sources.reading.csv_records import Grammar, Record, UnfinishedError
from flows.sources.reading.soundness import is_utf8, utf8_fault
from flows.sources.reading.window import Window
from schemas.errors import UsageImportError
from schemas.frames.chunk import ROW_LIMIT_BYTES

FOREIGN_ENCODING = (
    "if the file is in Latin-1 or Windows-1252, convert it, as with iconv -f WINDOWS-1252 -t UTF-8"
)

REPEATED_HEADER = "the header again at byte 0"


@dataclass(frozen=True)
class Header:
    """The header of a file: the names of its columns, and the grammar of its records."""

    names: list[str]
    grammar: Grammar

    @property
    def blanks(self) -> bytes:
        """The bytes that a line without any cell may hold."""
        return b" \t\r\n".replace(self.grammar.delimiter, b"")

    def fault(self, record: Record, raw: bytes, start: int) -> str | None:
        """Return why a record cannot be read as a row, or None."""
        if record.message or (not is_utf8(raw)):
            return record.message or utf8_fault(raw)
        width, found = len(self.names), len(record.cells)
        if found != width:
            at = record.starts[width] if found > width else record.end
            return f"expected {width} column{'s' * (width > 1)}, found {found} at byte {at - start}"
        return REPEATED_HEADER if [cell.decode() for cell in record.cells] == self.names else None


def read_header(window: Window, *, name: str, grammar: Grammar) -> Header | None:
    """Read the first record that is not blank as the header; return None if there is none.

    Raises UsageImportError for a header that cannot be read or has a column twice.
    """
    header = Header(names=[], grammar=grammar)
    text, line = b"", window.line
    record = Record(0, 0, [], [])
    while not text.strip(header.blanks):
        if not len(window) and not window.grow():
            return None
        line = window.line
        try:
            record = _first_record(window, grammar)
        except UnfinishedError:
            raise UsageImportError(
                f"{name}: the header on line {line} does not end; check the file"
            ) from None
        text = window.data[window.at : record.end]
        window.drop(min(record.next, len(window.data)) - window.at)
    if message := _header_fault(record, text):
        way_out = "write the file again" if is_utf8(text) else FOREIGN_ENCODING
        raise UsageImportError(f"{name}: the header on line {line} cannot be read: {message}; {way_out}")
    names = [cell.decode() for cell in record.cells]
    counts = Counter(names)
    twice = next((column for column in names if counts[column] > 1), None)
    if twice is not None:
        raise UsageImportError(f"{name}: {_twice(twice)}")
    return Header(names=names, grammar=grammar)


def _twice(column: str) -> str:
    """Return why a header with a column twice is refused, and the likely cause."""
    if column.strip():
        return f"the header has the column {column!r} twice; rename one of them"
    return "the header has several columns without a name; name them, and remove any lines before the header"


def _header_fault(record: Record, text: bytes) -> str | None:
    """Return why the record with this text cannot be read as a header, or None."""
    if record.message or not is_utf8(text):
        return record.message or utf8_fault(text)
    if b"\0" in text:
        return f"NUL at byte {text.index(0)}"
    if b"\r" in text.replace(b"\r\n", b""):
        return "its lines end in carriage returns alone"
    return None


def _first_record(window: Window, grammar: Grammar) -> Record:
    """Return the record at the window, growing it as needed; raise UnfinishedError if the record is too long."""
    while True:
        try:
            return grammar.record(window.data, window.at, is_last=window.is_ended)
        except UnfinishedError:
            if len(window) > ROW_LIMIT_BYTES:
                raise
            window.grow(len(window))
