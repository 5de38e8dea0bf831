"""Sniffing: what a text is, by its first bytes, with the ending of its name as a hint."""

import re

from flows.reading.csv_records import Grammar, UnfinishedError
from flows.reading.names import CSV, JSON
from flows.reading.values import BrokenError, Value

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
FIRST_LINE = re.compile(rb"[ \t\r\n]*+[^\n]*+\n[ \t\r\n]*+[^ \t\r\n]")
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


def shows_first_line(text: bytes) -> bool:
    """Whether the first line is whole and something follows it."""
    return FIRST_LINE.match(text) is not None


def is_pretty(head: bytes) -> bool:
    """Whether the first value goes on beyond its line, so that lines are no rows."""
    first, found, rest = head.lstrip(b" \t\r\n").partition(b"\n")
    follows = rest.lstrip(b" \t\r\n")[:1]
    value = Value()
    try:
        if not found or not follows or value.end(first) is not None:
            return False
    except BrokenError:
        return False
    return not value.is_text and _continues(first.rstrip(b" \t\r"), follows, is_list=value.is_list)


def _continues(first: bytes, follows: bytes, *, is_list: bool) -> bool:
    """Whether JSON can go on with this byte after that line, which ends inside an object or a list."""
    last = first[-1:]
    if last in b"{":
        return follows in b'"}'
    if last == b"[":
        return follows not in b",:}"
    if last == b",":
        return follows not in b",:]}" if is_list else follows == b'"'
    if last == b":":
        return follows not in b",:]}"
    return follows in (b",]" if is_list else b",}:")
