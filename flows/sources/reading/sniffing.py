"""Sniffing: what a text is, by its first bytes, with the ending of its name as a hint."""

import re

from flows.sources.reading.csv_records import Grammar, UnfinishedError
from flows.sources.reading.names import CSV, JSON
from flows.sources.reading.values import BrokenError, Value

HEAD_BYTES = 64 * 1024

UTF8_MARK = b"\xef\xbb\xbf"
WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


FOREIGN = {
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

JSON_START = re.compile(rb'[ \t\r\n]*+(?:\{[ \t\r\n]*+["}]|\[[ \t\r\n]*+[\[{\]"\d])')
OPEN_START = re.compile(rb"[ \t\r\n]*+[\[{][ \t\r\n]*+\Z")
BLANKS = b" \t\r\n"
FIRST_LINES = re.compile(rb"(?:[ \t\r\n]*+[^\n]++\n){2}[ \t\r\n]*+[^ \t\r\n]")
OBJECT_LINE = re.compile(rb"^[ \t]*+\{", re.MULTILINE)
IDENTIFIER = re.compile(r"[^\W\d][\w.]*")


def foreign(head: bytes) -> str | None:
    """What else than a text the bytes are, as far as is known."""
    return next((what for mark, what in FOREIGN.items() if head.startswith(mark)), None)


def is_wide(head: bytes) -> bool:
    """Whether a text is UTF-16 or UTF-32, by its mark or by NULs where a first letter is."""
    return head.startswith(WIDE_MARKS) or head[1:2] == b"\0" or (head[:1] == b"\0" and head[1:2] != b"\0")


def is_json(head: bytes) -> bool:
    """Whether a text begins like an object or a list."""
    return bool(JSON_START.match(head) or OPEN_START.match(head))


def is_csv(head: bytes, delimiter: bytes, ending: str) -> bool:
    """Whether a text is CSV: by the name, else by a header that can be nothing else."""
    if is_json(head):
        return False
    if ending in CSV:
        return True
    columns = header_names(head, delimiter)
    if not columns or OBJECT_LINE.search(head) or len(set(columns)) < len(columns):
        return False
    if ending in JSON or len(columns) == 1:
        return all(map(IDENTIFIER.fullmatch, columns)) and len(columns) > (ending in JSON)
    return all(name.isprintable() and name.strip(" 0123456789.-+") for name in columns)


def is_any_json(head: bytes, ending: str) -> bool:
    """Whether a text that is no CSV is JSON, broken first lines included."""
    return ending in JSON or is_json(head) or OBJECT_LINE.search(head) is not None


def header_names(head: bytes, delimiter: bytes) -> list[str]:
    """The cells of the first record, none where it is broken."""
    try:
        record = Grammar(delimiter).record(head.lstrip(b"\r\n"), 0, is_last=len(head) < HEAD_BYTES)
        return [cell.decode() for cell in record.cells]
    except (UnfinishedError, UnicodeDecodeError):
        return []


def delimiter(head: bytes, ending: str) -> bytes:
    """The comma, unless the header has none and is plainly parted by semicolons or tabs."""
    first = head.lstrip(b"\r\n").split(b"\n")[0]
    if ending == ".tsv":
        return b"\t"
    others = [mark for mark in (b";", b"\t") if mark in first]
    return others[0] if b"," not in first and len(others) == 1 else b","


def shows_first_lines(text: bytes) -> bool:
    """Whether two lines are whole and a third one begins."""
    return FIRST_LINES.match(text) is not None


def is_pretty(head: bytes) -> bool:
    """Whether the first value goes on beyond its line, so that lines are no rows.

    A line that was cut off must not be taken for the beginning of such a value: what follows decides.
    """
    lines = [line.strip(BLANKS) for line in head.split(b"\n", 64) if line.strip(BLANKS)]
    first, second, third = (*lines, b"", b"", b"")[:3]
    opened = _left_open(first)
    if opened is None or not second or not _continues(first, second, opened):
        return False
    if second[:1] not in b"{[":
        return True
    if first.endswith(b":") and second.startswith(b"{"):
        return False
    after = _after_value(second)
    if after is not None:
        return (after or third)[:1] in {b",", b"]", b"}"}
    inner = _left_open(second)
    return inner is not None and bool(third) and _continues(second, third, inner)


def _left_open(line: bytes) -> bytes | None:
    """The brackets that a line leaves open; None where it is whole, broken, or ends within a text."""
    value = Value()
    try:
        end = value.end(line)
    except BrokenError:
        return None
    return None if end is not None or value.is_text else value.open


def _after_value(line: bytes) -> bytes | None:
    """What follows the value that a line begins with; None where it is not whole."""
    try:
        end = Value().end(line)
    except BrokenError:
        return None
    return None if end is None else line[end:].lstrip(BLANKS)


def _continues(line: bytes, following: bytes, opened: bytes) -> bool:
    """Whether JSON can go on with the following line after one that leaves these brackets open."""
    last, follows, is_list = line[-1:], following[:1], opened.endswith(b"[")
    if last == b"{":
        return follows in (b'"', b"}")
    if last == b"[":
        return follows not in b",:}"
    if last == b",":
        return follows not in b",:]}" if is_list else follows == b'"'
    if last == b":":
        return follows not in b",:]}"
    return follows in ((b",", b"]") if is_list else (b",", b"}", b":"))
