"""Detect the format of a text by its first bytes, with the ending of its name as a hint."""

import re

from flows.sources.reading.csv_records import Grammar, UnfinishedError
from flows.sources.reading.names import CSV, JSON
from flows.sources.reading.values import BrokenJsonError, Value

HEAD_BYTES = 64 * 1024
"""The bytes at the beginning of a text by which its format is detected."""

UTF8_MARK = b"\xef\xbb\xbf"
WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
"""The byte order marks of UTF-16 and UTF-32."""

FOREIGN_FORMATS = {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"BZh": "bzip2 data",
    b"\xfd7zXZ\0": "xz data",
    b"\x1f\x8b": "gzip data packed twice",
    b"\x28\xb5\x2f\xfd": "zstd data packed twice",
    b"PAR1": "Parquet inside gzip or zstd",
    b"Obj\x01": "Avro",
    b"%PDF": "a PDF",
    b"SQLite": "an SQLite database",
}
"""Formats that are recognised by their first bytes and cannot be read."""

BLANKS = b" \t\r\n"

JSON_START = re.compile(rb'[ \t\r\n]*+(?:\{[ \t\r\n]*+["}]|\[[ \t\r\n]*+[\[{\]"\d])')
"""The beginning of an object or a list, with the first byte inside it."""

OPEN_START = re.compile(rb"[ \t\r\n]*+[\[{][ \t\r\n]*+\Z")
"""An opening bracket with nothing but white space after it."""

FIRST_LINES = re.compile(rb"(?:[ \t\r\n]*+[^\n]++\n){2}[ \t\r\n]*+[^ \t\r\n]")
"""Two lines that are not blank, and the first byte of a third."""

OBJECT_LINE = re.compile(rb"^[ \t]*+\{", re.MULTILINE)
"""A line that begins with an object."""

IDENTIFIER = re.compile(r"[^\W\d][\w.]*")
"""A name that a column of a CSV without other signs must have."""


def foreign_format(head: bytes) -> str | None:
    """Return the name of a known format that cannot be read and that begins with these bytes, or None."""
    return next((name for mark, name in FOREIGN_FORMATS.items() if head.startswith(mark)), None)


def is_utf16_or_utf32(head: bytes) -> bool:
    """Return whether a text is UTF-16 or UTF-32, by its mark or by a NUL beside its first letter."""
    return head.startswith(WIDE_MARKS) or head[1:2] == b"\0" or (head[:1] == b"\0" and head[1:2] != b"\0")


def _is_json(head: bytes) -> bool:
    """Return whether a text begins like a JSON object or list."""
    return bool(JSON_START.match(head) or OPEN_START.match(head))


def is_csv(head: bytes, delimiter: bytes, ending: str) -> bool:
    """Return whether a text is CSV: by the ending of its name, else by a header that can be nothing else."""
    if _is_json(head):
        return False
    if ending in CSV:
        return True
    columns = _header_names(head, delimiter)
    if not columns or OBJECT_LINE.search(head) or len(set(columns)) < len(columns):
        return False
    if ending in JSON or len(columns) == 1:
        return all(map(IDENTIFIER.fullmatch, columns)) and len(columns) > (ending in JSON)
    return all(name.isprintable() and name.strip(" 0123456789.-+") for name in columns)


def is_any_json(head: bytes, ending: str) -> bool:
    """Return whether a text that is not CSV is JSON, even if its first lines are broken."""
    return ending in JSON or _is_json(head) or OBJECT_LINE.search(head) is not None


def _header_names(head: bytes, delimiter: bytes) -> list[str]:
    """Return the cells of the first record, or none if it is broken."""
    try:
        record = Grammar(delimiter).record(head.lstrip(b"\r\n"), 0, is_last=len(head) < HEAD_BYTES)
        return [cell.decode() for cell in record.cells]
    except (UnfinishedError, UnicodeDecodeError):
        return []


def delimiter(head: bytes, ending: str) -> bytes:
    """Return the delimiter of a CSV: a comma, unless the header has none and has semicolons or tabs."""
    first = head.lstrip(b"\r\n").split(b"\n")[0]
    if ending == ".tsv":
        return b"\t"
    others = [mark for mark in (b";", b"\t") if mark in first]
    return others[0] if b"," not in first and len(others) == 1 else b","


def has_two_whole_lines(text: bytes) -> bool:
    """Return whether two lines of a text are whole and a third one begins."""
    return FIRST_LINES.match(text) is not None


def is_pretty(head: bytes) -> bool:
    """Return whether the first value goes on beyond its line, so that lines are no rows.

    A line that was cut off looks like the beginning of such a value, so the lines after it decide.
    """
    lines = [line.strip(BLANKS) for line in head.split(b"\n", 64) if line.strip(BLANKS)]
    first, second, third = (*lines, b"", b"", b"")[:3]
    opened = _open_brackets(first)
    if opened is None or not second or not _continues(first, second, opened):
        return False
    if second[:1] not in b"{[":
        return True
    if first.endswith(b":") and second.startswith(b"{"):
        return False
    after = _after_value(second)
    if after is not None:
        return (after or third)[:1] in {b",", b"]", b"}"}
    inner = _open_brackets(second)
    return inner is not None and bool(third) and _continues(second, third, inner)


def _open_brackets(line: bytes) -> bytes | None:
    """Return the brackets that a line leaves open, or None if it is whole, broken, or ends within a string."""
    value = Value()
    try:
        end = value.end(line)
    except BrokenJsonError:
        return None
    return None if end is not None or value.is_string else value.open


def _after_value(line: bytes) -> bytes | None:
    """Return the text after the value that a line begins with, or None if the value is not whole."""
    try:
        end = Value().end(line)
    except BrokenJsonError:
        return None
    return None if end is None else line[end:].lstrip(BLANKS)


def _continues(line: bytes, following: bytes, opened: bytes) -> bool:
    """Return whether JSON can go on with the following line after one that leaves these brackets open."""
    last, first, is_list = line[-1:], following[:1], opened.endswith(b"[")
    if last == b"{":
        return first in (b'"', b"}")
    if last == b"[":
        return first not in b",:}"
    if last == b",":
        return first not in b",:]}" if is_list else first == b'"'
    if last == b":":
        return first not in b",:]}"
    return first in ((b",", b"]") if is_list else (b",", b"}", b":"))
