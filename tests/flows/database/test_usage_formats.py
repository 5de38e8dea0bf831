"""Usage lines are the same in every format, and are never all in memory at once."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.output.usage import report_usage
from flows.usage import read_lines
from schemas.frames.usage import USAGE_COLUMNS
from tests.flows.desk import catalog_of, meter
from tests.flows.small_installation import INSTANTS, SmallInstallation, small_installation

READERS: dict[str, Callable[[bytes], list[dict[str, Any]]]] = {
    "csv": lambda document: list(csv.DictReader(io.StringIO(document.decode()))),
    "json": json.loads,
    "parquet": lambda document: pl.read_parquet(io.BytesIO(document)).to_dicts(),
}


@pytest.fixture
def small(database_url: str, tmp_path: Path) -> Iterator[SmallInstallation]:
    """An installation of the test's own."""
    with small_installation(database_url, tmp_path) as installation:
        yield installation


@pytest.mark.parametrize("line_format", READERS)
def test_lines_are_the_same_in_one_batch_and_in_many(
    small: SmallInstallation,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    line_format: str,
) -> None:
    """A format has the same ids, quantities and groups, whether lines are read in one batch or in many."""
    small.begin()
    small.run(small.write("events", [event(number) for number in range(40)]))
    read = READERS[line_format]
    lines = read(printed(small, capsysbinary, line_format))
    monkeypatch.setattr(read_lines, "LINES_AT_ONCE", 3)
    assert read(printed(small, capsysbinary, line_format)) == lines
    assert len(lines) > 3
    assert all(list(line) == list(USAGE_COLUMNS) for line in lines)
    assert [line["line_id"] for line in lines] == [line["line_id"] for line in small.lines()]
    assert [line["quantity"] or None for line in lines] == [line["quantity"] for line in small.lines()]


@pytest.mark.parametrize(
    ("line_format", "empty"), [("csv", ",".join(USAGE_COLUMNS) + "\n"), ("json", "[]\n")]
)
def test_no_lines_are_an_empty_document(
    small: SmallInstallation, capsysbinary: pytest.CaptureFixture[bytes], line_format: str, empty: str
) -> None:
    """Before the first import, each format is a valid document without lines."""
    small.begin()
    assert printed(small, capsysbinary, line_format).decode() == empty


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (["1.25", "-3"], pl.Decimal(38, 2)),
        (["7"], pl.Decimal(38, 0)),
        ([], pl.Decimal(38, 0)),
        (["9" * 36, "0.01"], pl.Decimal(38, 2)),
        (["9" * 37, "0.01"], pl.String()),
    ],
)
def test_quantities_of_parquet_are_decimals_if_all_fit(
    small: SmallInstallation,
    capsysbinary: pytest.CaptureFixture[bytes],
    numbers: list[str],
    expected: pl.DataType,
) -> None:
    """The scale is that of the finest quantity; where one needs more than 38 digits, all are text, and that is said."""
    small.begin(catalog_of(meter("total", "SUM", "n", groupKeys=["g"])))
    rows = [
        event(place) | {"eventName": "call", "properties": {"n": number, "g": f"g{place}"}}
        for place, number in enumerate(numbers)
    ]
    small.run(small.write("rows", rows))
    with small.engine.begin() as connection:
        scale = read_lines.quantity_scale(connection, read_lines.UsageFilter())
        report_usage(
            read_lines.read_usage(connection, read_lines.UsageFilter()), "parquet", quantity_scale=scale
        )
    document, said = capsysbinary.readouterr()
    found = pl.read_parquet(io.BytesIO(document))["quantity"]
    assert found.dtype == expected
    assert [None if one is None else Decimal(one) for one in found] == [
        None if line["quantity"] is None else Decimal(line["quantity"]) for line in small.lines()
    ]
    assert (b"the quantities are text" in said) == (expected == pl.String())


def printed(small: SmallInstallation, captured: pytest.CaptureFixture[bytes], line_format: str) -> bytes:
    """Return all lines as printed in a format."""
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
