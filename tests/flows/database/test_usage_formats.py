"""Usage lines are told alike in every format, and are never held all at once."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.output.usage import report_usage
from flows.usage import read_lines
from schemas.frames.usage import USAGE_COLUMNS
from tests.flows.small_installation import INSTANTS, SmallInstallation, small_installation

READERS: dict[str, Callable[[bytes], list[dict[str, Any]]]] = {
    "csv": lambda told: list(csv.DictReader(io.StringIO(told.decode()))),
    "json": json.loads,
    "parquet": lambda told: pl.read_parquet(io.BytesIO(told)).to_dicts(),
}


@pytest.fixture
def small(database_url: str, tmp_path: Path) -> Iterator[SmallInstallation]:
    """An installation of the test's own."""
    with small_installation(database_url, tmp_path) as installation:
        yield installation


@pytest.mark.parametrize("line_format", READERS)
def test_lines_are_told_alike_however_many_at_once(
    small: SmallInstallation,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    line_format: str,
) -> None:
    """A format tells the same in one batch and in many: ids, amounts as written, and groups that are JSON."""
    small.begin()
    small.run(small.write("events", [event(number) for number in range(40)]))
    read = READERS[line_format]
    lines = read(told(small, capsysbinary, line_format))
    monkeypatch.setattr(read_lines, "LINES_AT_ONCE", 3)
    assert read(told(small, capsysbinary, line_format)) == lines
    assert len(lines) > 3
    assert all(list(line) == list(USAGE_COLUMNS) for line in lines)
    assert [line["line_id"] for line in lines] == [line["line_id"] for line in small.lines()]
    assert [line["quantity"] or None for line in lines] == [line["quantity"] for line in small.lines()]


@pytest.mark.parametrize(
    ("line_format", "empty"), [("csv", ",".join(USAGE_COLUMNS) + "\n"), ("json", "[]\n")]
)
def test_no_lines_are_told_as_none(
    small: SmallInstallation, capsysbinary: pytest.CaptureFixture[bytes], line_format: str, empty: str
) -> None:
    """Before the first import, a machine still gets what it can read."""
    small.begin()
    assert told(small, capsysbinary, line_format).decode() == empty


def told(small: SmallInstallation, captured: pytest.CaptureFixture[bytes], line_format: str) -> bytes:
    """What a format tells of all lines."""
    with small.engine.begin() as connection:
        report_usage(read_lines.read_usage(connection, read_lines.UsageFilter()), line_format)
    return captured.readouterr().out


def event(number: int) -> dict[str, Any]:
    return {
        "eventName": ("call", "tick")[number % 2],
        "externalCustomerId": ("acme", "bolt")[number % 3 % 2],
        "timestamp": INSTANTS[number % len(INSTANTS)],
        "properties": {"n": number / 8, "g": "xyz"[number % 3]},
    }
