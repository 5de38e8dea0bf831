"""Columns of Parquet become fields and properties, and no value changes."""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.documents.mapping import Mapping
from tests.transforms.tables import BY_NAME, of_parquet, properties, refusals


@pytest.mark.parametrize(
    ("series", "text"),
    [
        (pl.Series([0.1]), "0.1"), (pl.Series([1e300]), "1e+300"), (pl.Series([3.0]), "3"), (pl.Series([5e-324]), "5e-324"), (pl.Series([0.1], dtype=pl.Float32), "0.1"),
        (pl.Series([2**63 - 1]), "9223372036854775807"), (pl.Series([2**64 - 1], dtype=pl.UInt64), "18446744073709551615"), (pl.Series([Decimal("1.50")]), "1.50"),
        (pl.Series([Decimal("12345678901234567890123456789.123456789")]), "12345678901234567890123456789.123456789"),
        (pl.Series([True]), "true"), (pl.Series(["1"]), '"1"'), (pl.Series(["x"], dtype=pl.Categorical), '"x"'), (pl.Series([b"x"]), '"x"'),
        (pl.Series([datetime(2024, 1, 1, 2, tzinfo=UTC)]).dt.convert_time_zone("Asia/Tokyo"), '"2024-01-01T02:00:00Z"'), (pl.Series([date(2024, 1, 1)]), '"2024-01-01"'), (pl.Series([time(1, 2, 3)]), '"01:02:03"'),
    ],
)  # fmt: skip
def test_native_values_keep_type_and_value(series: pl.Series, text: str) -> None:
    """A number becomes its exact or shortest decimal, an instant an ISO text; a text that looks like a number stays a text."""
    halves = of_parquet(BY_NAME, columns={"properties.v": series})
    assert halves.accepted["properties"].to_list() == ['{"v":' + text + "}"]


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_a_double_is_the_shortest_decimal_that_gives_it_back(values: list[float]) -> None:
    """The decimal reads as the same double, and no other spelling of it has fewer digits."""
    halves = of_parquet(*[BY_NAME] * len(values), columns={"properties.v": pl.Series(values)})
    numbers = [
        json.loads(text, parse_int=Decimal, parse_float=Decimal)["v"]
        for text in halves.accepted["properties"]
    ]
    assert [float(number) for number in numbers] == values
    assert all(
        len(number.normalize().as_tuple().digits) <= len(Decimal(repr(value)).normalize().as_tuple().digits)
        for number, value in zip(numbers, values, strict=True)
    )


def test_infinity_and_lists_of_parquet_are_no_properties() -> None:
    """Infinity, not-a-number and lists reject their own row only; null is absent."""
    halves = of_parquet(
        *[BY_NAME] * 3, columns={"properties.v": pl.Series([float("inf"), float("nan"), None])}
    )
    assert [(code, field) for code, _, field in refusals(halves)] == [
        ("invalid_properties", "properties.v")
    ] * 2
    assert json.loads(halves.rejections["raw"][0]) == BY_NAME | {"properties.v": "inf"}
    assert halves.rejections["raw_length"][0] == len(halves.rejections["raw"][0])
    halves = of_parquet(BY_NAME, columns={"properties.v": pl.Series([[1, 2]])})
    assert refusals(halves)[0][1].endswith('"v" is a list')


def test_structs_are_dotted_columns() -> None:
    """A struct named properties gives the event's properties."""
    halves = of_parquet(BY_NAME | {"properties": {"a": 1, "b": "x", "c": None, "d": {"e": True}}})
    assert properties(halves) == [{"a": 1, "b": "x", "d.e": True}]


def test_instants_of_parquet() -> None:
    """Datetimes with a zone are instants; without one the mapping must name it; nanoseconds are cut; dates are no instants."""
    at = datetime(2024, 1, 1, 1, 2, 3, 456789, tzinfo=UTC)
    assert of_parquet(BY_NAME | {"timestamp": at}).accepted["at"].to_list() == [at]
    naive = of_parquet(BY_NAME | {"timestamp": at.replace(tzinfo=None)})
    assert refusals(naive)[0][0] == "invalid_timestamp"
    zoned = of_parquet(BY_NAME | {"timestamp": at.replace(tzinfo=None)}, mapping=Mapping(time_zone="UTC"))
    assert zoned.accepted["at"].to_list() == [at]
    fine = pl.Series([1_704_070_923_456_789_999]).cast(pl.Datetime("ns", "UTC"))
    assert of_parquet(BY_NAME, timestamp=fine).accepted["at"].to_list() == [at]
    assert refusals(of_parquet(BY_NAME | {"timestamp": date(2024, 1, 1)}))[0][0] == "invalid_timestamp"


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("number", [2**63 - 1, -(2**63) + 1, 2**62])
def test_instants_far_outside_of_the_calendar_are_no_timestamps(unit: Any, number: int) -> None:
    """Every value of a column of instants or days is accepted or rejects its own row."""
    far = pl.Series([number, 0]).cast(pl.Datetime(unit, "UTC"))
    halves = of_parquet(BY_NAME, BY_NAME, timestamp=far)
    codes = {code for code, *_ in refusals(halves)}
    assert halves.accepted["row"].to_list()[-1] == 2
    assert codes <= {"invalid_timestamp", "timestamp_in_future"}
    days = pl.Series([2**31 - 1, -(2**31)], dtype=pl.Int32).cast(pl.Date)
    assert len(of_parquet(BY_NAME, BY_NAME, columns={"properties.d": days}).accepted) == 2


def test_maps_of_parquet_are_objects() -> None:
    """A map gives the properties of an event, with the types of its values; in a text field it is invalid."""
    pairs = [{"key": "a", "value": 1.5}, {"key": "b", "value": None}, {"key": 'q"', "value": 2.0}]
    assert properties(of_parquet(BY_NAME, properties=pl.Series([pairs]))) == [{"a": Decimal("1.5"), 'q"': 2}]
    assert refusals(of_parquet(BY_NAME, eventName=pl.Series([pairs])))[0][0] == "invalid_field"


def test_broken_text_in_parquet_is_a_malformed_row() -> None:
    """Bytes that are no UTF-8 are reported with their column; the rows beside them are accepted."""
    halves = of_parquet(BY_NAME, BY_NAME, idempotencyKey=pl.Series([b"ok", b"a\xff"]))
    assert halves.accepted["idempotency_key"].to_list() == ["ok"]
    assert refusals(halves)[0][:2] == ("malformed_row", 'broken UTF-8 in column "idempotencyKey" at byte 1')


def test_numbers_of_a_typed_table_are_valid_texts() -> None:
    """An id that Parquet stores as a number, even as a double, is read as its digits; a list is no text."""
    halves = of_parquet(BY_NAME, BY_NAME, idempotencyKey=pl.Series([12345.0, 7.5]))
    assert halves.accepted["idempotency_key"].to_list() == ["12345", "7.5"]
    assert refusals(of_parquet(BY_NAME | {"eventName": ["a"]}))[0][:2] == (
        "invalid_field",
        'eventName must be a text: "["a"]"',
    )


def test_only_the_cell_that_counts_is_judged() -> None:
    """If both spellings are there, the first one that is not empty counts."""
    both = BY_NAME | {"eventName": None, "event_name": ["a"]}
    assert refusals(of_parquet(both))[0][0] == "invalid_field"
    assert len(of_parquet(BY_NAME | {"event_name": ["a"]}).accepted) == 1
