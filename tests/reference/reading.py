"""Files into rows: JSON lines, bodies, arrays and CSV, each also gzipped."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

from tests.reference.values import NotJsonError, decode, events_of_body, split_array

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Row:
    """One row of a file: its number from 1, its bytes, and either its content or nothing where it is malformed."""

    number: int
    raw: bytes
    event: dict[str, object] | None = None
    cells: dict[str, str] | None = None


def read_rows(name: str, data: bytes) -> list[Row]:
    """The rows of a file, in order."""
    if name.endswith(".gz"):
        name, data = name.removesuffix(".gz"), gzip.decompress(data)
    data = data.removeprefix(BYTE_ORDER_MARK)
    if name.endswith(".csv"):
        return _csv_rows(data)
    if name.endswith(".json"):
        return _number(_whole(data))
    return _number(found for line in _lines(data) for found in _line(line))


Found = tuple[bytes, dict[str, object] | None]


def _number(found: Iterator[Found]) -> list[Row]:
    return [Row(number, raw, event=event) for number, (raw, event) in enumerate(found, start=1)]


def _lines(data: bytes) -> list[bytes]:
    lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return [line for line in lines if line.strip()]


def _line(line: bytes) -> Iterator[Found]:
    value = _value(line)
    if isinstance(value, dict) and isinstance(value.get("events"), list):
        yield from _events(events_of_body(line.decode()) or [])
    else:
        yield line, value if isinstance(value, dict) else None


def _whole(data: bytes) -> Iterator[Found]:
    value = _value(data)
    if isinstance(value, list):
        text = data.decode()
        yield from _events(split_array(text, text.index("["))[0])
    else:
        yield from _line(data.strip())


def _events(texts: list[str]) -> Iterator[Found]:
    for text in texts:
        value = _value(text.encode())
        yield text.encode(), value if isinstance(value, dict) else None


def _value(raw: bytes) -> object:
    try:
        return decode(raw.decode("utf-8"))
    except (UnicodeDecodeError, NotJsonError, json.JSONDecodeError):
        return None


def _csv_rows(data: bytes) -> list[Row]:
    records = [record for record in _csv_records(data) if record]
    header = _cells(records[0])
    assert header is not None
    rows = []
    for number, record in enumerate(records[1:], start=1):
        values = _cells(record)
        if values is None or len(values) != len(header):
            rows.append(Row(number, record))
        else:
            rows.append(Row(number, record, cells=dict(zip(header, values, strict=True))))
    return rows


def _csv_records(data: bytes) -> Iterator[bytes]:
    """Records end at a line end that stands outside of quotes."""
    start, quoted = 0, False
    for at, byte in enumerate(data):
        if byte == ord('"'):
            quoted = not quoted
        elif byte == ord("\n") and not quoted:
            yield data[start:at].removesuffix(b"\r")
            start = at + 1
    yield data[start:].removesuffix(b"\r")


def _cells(record: bytes) -> list[str] | None:
    try:
        text = record.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return next(csv.reader(io.StringIO(text, newline="")))
