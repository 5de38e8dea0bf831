"""Columns become fields: by their names, or as a mapping tells; and no value changes on the way."""

import json
import tomllib
from collections.abc import Mapping as MappingOf
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.documents.mapping import DEFAULT_MAPPING, Mapping
from schemas.errors import ConfigurationError
from tests.transforms.sifting import UUID, cells_chunk, json_chunk, sifted
from transforms.rows.sift import Sifted

BY_NAME = {"eventName": "call", "externalCustomerId": "acme", "timestamp": "2025-06-01T00:00:00Z"}


def of_csv(*rows: MappingOf[str, str | None], mapping: Mapping = DEFAULT_MAPPING) -> Sifted:
    """Rows of texts, as reading gives them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = pl.DataFrame(
        [[row.get(name) for name in names] for row in rows],
        schema=dict.fromkeys(names, pl.String),
        orient="row",
    )
    return sifted(cells_chunk(cells, raws=[b"raw"] * len(rows)), mapping=mapping)


def of_parquet(
    *rows: MappingOf[str, Any],
    mapping: Mapping = DEFAULT_MAPPING,
    columns: MappingOf[str, pl.Series] | None = None,
    **named: pl.Series,
) -> Sifted:
    """Rows of native values, and columns beside them."""
    cells = pl.DataFrame(list(rows)).with_columns(**(columns or {}), **named)
    return sifted(cells_chunk(cells), mapping=mapping)


def mapping_of(text: str) -> Mapping:
    return Mapping.model_validate(tomllib.loads(text, parse_float=Decimal))


def properties(halves: Sifted) -> list[dict[str, Any]]:
    """The accepted rows' properties, with numbers as their texts and marked as such."""
    assert not len(halves.rejections), halves.rejections["message"].to_list()
    return [
        json.loads(text, parse_int=Decimal, parse_float=Decimal) for text in halves.accepted["properties"]
    ]


def refusals(halves: Sifted) -> list[tuple[str, str, str]]:
    return halves.rejections.select("code", "message", "field").rows()


# --- by name -----------------------------------------------------------------------------------------------------


def test_columns_are_fields_by_their_names() -> None:
    """In both spellings; a cell that is empty is absent; fields are texts always."""
    halves = of_csv(
        BY_NAME | {"idempotencyKey": "007", "contractId": "con-7"},
        BY_NAME | {"idempotency_key": "8", "eventName": "", "event_name": "old"},
        {"event_name": "call", "customer_id": UUID},
    )
    assert halves.accepted.select("event_name", "customer_no", "contract_no", "idempotency_key").rows() == [
        ("call", 1, 7, "007"), ("old", 1, None, "8"), ("call", 1, None, None)
    ]  # fmt: skip
    assert halves.accepted["is_timestamp_omitted"].to_list() == [False, False, True]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1", Decimal(1)), ("-0.50", Decimal("-0.5")), ("1e3", Decimal(1000)), ("9007199254740993", Decimal(9007199254740993)), ("0.1000000000000000000000000001", Decimal("0.1000000000000000000000000001")),
        ("+5", "+5"), (".5", ".5"), (" 7", " 7"), ("1,000", "1,000"), ("1.000,50", "1.000,50"), ("NaN", "NaN"), ("Infinity", "Infinity"), ("01", "01"), ("true", "true"), ("null", "null"),
        ("1.23E+15", Decimal("1.23E+15")), ("2024-01-01", "2024-01-01"), ('q"\\\n\t\x01', 'q"\\\n\t\x01'), ("é\U0001f600", "é\U0001f600"), ("{}", "{}"),
    ],
)  # fmt: skip
def test_a_property_of_csv_is_a_number_where_its_text_is_one(cell: str, value: object) -> None:
    """A JSON number, to the letter; everything else is the text that stands there, and no date is guessed."""
    (told,) = properties(of_csv(BY_NAME | {"properties.v": cell}))
    assert told == {"v": value}
    assert type(told["v"]) is type(value)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=4), max_size=3), min_size=1, max_size=3))  # fmt: skip
def test_hostile_names_and_cells_are_only_names_and_cells(rows: list[dict[str, str]]) -> None:
    """Quotes, braces, per cent signs and patterns in names of columns mean nothing."""
    mapping = Mapping.model_validate(
        {"properties": {name: {"column": f"c {name}", "type": "text"} for row in rows for name in row}}
    )
    names = dict.fromkeys(f"c {name}" for row in rows for name in row)
    halves = of_csv(
        *(BY_NAME | names | {f"c {name}": cell for name, cell in row.items()} for row in rows),
        mapping=mapping,
    )
    assert properties(halves) == rows


@pytest.mark.parametrize("name", ["*", "^.*$", "^c0$", "height", "c0", "{a}", 'q"q', "%s", ""])
def test_no_name_of_a_column_is_a_pattern(name: str) -> None:
    """A column is called what it is called."""
    assert properties(of_csv(BY_NAME | {f"properties.{name}": "1", "properties.z": "2"})) == [
        {name: 1, "z": 2}
    ]
    assert of_csv(BY_NAME | {name: "1"}).counts.unknown_fields == {name: 1}


def test_a_column_of_json_objects_and_columns_of_properties() -> None:
    """Each alone, and both together; the column of one property counts."""
    halves = of_csv(
        BY_NAME | {"properties": '{"a": 1, "b": "x"}'},
        BY_NAME | {"properties": ' {"a": 1} ', "properties.a": "2", "properties.c": "3"},
        BY_NAME | {"properties": "{ }", "properties.c": "3"},
        BY_NAME | {"properties.c": "3"},
        BY_NAME | {"properties": " null"},
    )
    assert properties(halves) == [{"a": 1, "b": "x"}, {"a": 2, "c": 3}, {"c": 3}, {"c": 3}, {}]
    for bad in ("[]", "x", "{", '{"a":null}', '{"a":1},{"b":2}'):
        assert [
            code for code, *_ in refusals(of_csv(BY_NAME | {"properties": bad, "properties.c": "3"}))
        ] == ["invalid_properties"]


def test_unknown_columns_are_counted_where_they_hold_something() -> None:
    """By name, over all rows."""
    halves = of_csv(
        BY_NAME | {"note": "x", "empty": ""}, BY_NAME | {"note": "", "eventName": ""}, BY_NAME | {"note": "y"}
    )
    assert halves.counts.unknown_fields == {"note": 2}


# --- Parquet -----------------------------------------------------------------------------------------------------


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
    """A number is its exact or shortest decimal, an instant an ISO text, and a text that looks like a number is a text."""
    halves = of_parquet(BY_NAME, columns={"properties.v": series})
    assert halves.accepted["properties"].to_list() == ['{"v":' + text + "}"]


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_a_double_is_the_shortest_decimal_that_gives_it_back(values: list[float]) -> None:
    """Read again it is the same double, and no spelling of it has fewer digits."""
    halves = of_parquet(*[BY_NAME] * len(values), columns={"properties.v": pl.Series(values)})
    told = [
        json.loads(text, parse_int=Decimal, parse_float=Decimal)["v"]
        for text in halves.accepted["properties"]
    ]
    assert [float(number) for number in told] == values
    assert all(
        len(number.normalize().as_tuple().digits) <= len(Decimal(repr(value)).normalize().as_tuple().digits)
        for number, value in zip(told, values, strict=True)
    )


def test_what_is_no_property_in_parquet() -> None:
    """Infinity, not-a-number and lists are reported, each on its own row; null is absent."""
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
    """So a struct called properties is the event's properties."""
    halves = of_parquet(BY_NAME | {"properties": {"a": 1, "b": "x", "c": None, "d": {"e": True}}})
    assert properties(halves) == [{"a": 1, "b": "x", "d.e": True}]


def test_instants_of_parquet() -> None:
    """With a zone they are instants; without one the mapping must name it; nanoseconds are cut; dates are no instants."""
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
    """Whatever a column of instants or days can hold is accepted or reported, on its own row."""
    far = pl.Series([number, 0]).cast(pl.Datetime(unit, "UTC"))
    halves = of_parquet(BY_NAME, BY_NAME, timestamp=far)
    told = {code for code, *_ in refusals(halves)}
    assert halves.accepted["row"].to_list()[-1] == 2
    assert told <= {"invalid_timestamp", "timestamp_in_future"}
    days = pl.Series([2**31 - 1, -(2**31)], dtype=pl.Int32).cast(pl.Date)
    assert len(of_parquet(BY_NAME, BY_NAME, columns={"properties.d": days}).accepted) == 2


def test_maps_of_parquet_are_objects() -> None:
    """As the properties of an event, with the types of their values; elsewhere they are no text."""
    pairs = [{"key": "a", "value": 1.5}, {"key": "b", "value": None}, {"key": 'q"', "value": 2.0}]
    assert properties(of_parquet(BY_NAME, properties=pl.Series([pairs]))) == [{"a": Decimal("1.5"), 'q"': 2}]
    assert refusals(of_parquet(BY_NAME, eventName=pl.Series([pairs])))[0][0] == "invalid_field"


def test_broken_text_in_parquet_is_a_malformed_row() -> None:
    """Bytes that are no UTF-8 are told with their column; the neighbours go on."""
    halves = of_parquet(BY_NAME, BY_NAME, idempotencyKey=pl.Series([b"ok", b"a\xff"]))
    assert halves.accepted["idempotency_key"].to_list() == ["ok"]
    assert refusals(halves)[0][:2] == ("malformed_row", 'broken UTF-8 in column "idempotencyKey" at byte 1')


def test_numbers_are_fit_texts_where_a_table_types_them() -> None:
    """An id that Parquet holds as a number, even as a double, is its digits; a list is no text."""
    halves = of_parquet(BY_NAME, BY_NAME, idempotencyKey=pl.Series([12345.0, 7.5]))
    assert halves.accepted["idempotency_key"].to_list() == ["12345", "7.5"]
    assert refusals(of_parquet(BY_NAME | {"eventName": ["a"]}))[0][:2] == (
        "invalid_field",
        'eventName must be a text: "["a"]"',
    )


def test_the_cell_that_counts_is_the_one_that_is_judged() -> None:
    """With both spellings there, and the first of them empty."""
    both = BY_NAME | {"eventName": None, "event_name": ["a"]}
    assert refusals(of_parquet(both))[0][0] == "invalid_field"
    assert len(of_parquet(BY_NAME | {"event_name": ["a"]}).accepted) == 1


# --- a mapping ---------------------------------------------------------------------------------------------------

VENDOR = mapping_of("""
time_zone = "UTC"
version = { column = "updated" }
deleted = { column = "gone", equals = "true" }
[fields]
externalCustomerId = { value = "acme" }
eventName = { column = "kind" }
timestamp = { column = "time" }
idempotencyKey = { template = "{{{kind}}}-{time}/{n}" }
[properties]
tokens = { column = "n", type = "number" }
label = { column = "n", type = "text" }
flag = { column = "flag", type = "boolean" }
"any" = { column = "any" }
fixed = { value = 1.50 }
""")
ROW = {
    "kind": "k",
    "time": "2024-01-01 00:00:00.5",
    "n": "7",
    "flag": "true",
    "any": "x",
    "updated": "3",
    "gone": "false",
    "other": "o",
}


def test_a_mapping_makes_fields_of_columns() -> None:
    """Values, columns and templates; typed properties; the version and the mark of deletion."""
    halves = of_csv(
        ROW, ROW | {"flag": "", "any": "", "updated": "", "gone": "true", "n": "1e1"}, mapping=VENDOR
    )
    assert properties(halves) == [
        {"tokens": 7, "label": "7", "flag": True, "any": "x", "fixed": Decimal("1.5")}, {"tokens": 10, "label": "1e1", "fixed": Decimal("1.5")}
    ]  # fmt: skip
    assert halves.accepted.select("event_name", "customer_no", "idempotency_key", "version", "is_deleted").rows() == [
        ("k", 1, "{k}-2024-01-01 00:00:00.5/7", "3", False), ("k", 1, "{k}-2024-01-01 00:00:00.5/1e1", None, True)
    ]  # fmt: skip
    assert halves.accepted["at"][0] == datetime(2024, 1, 1, 0, 0, 0, 500000, tzinfo=UTC)
    assert halves.counts.unknown_fields == {"other": 2}


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"n": ""}, "invalid_field", 'idempotencyKey is made of a column that is absent: "{{{kind}}}-{time}/{n}"'), ({"kind": ""}, "missing_event_name", "eventName is required"),
        ({"n": "x"}, "invalid_properties", 'properties must be an object of text, numbers and booleans: "tokens" is no number'),
        ({"n": "01"}, "invalid_properties", 'properties must be an object of text, numbers and booleans: "tokens" is no number'),
        ({"n": "1e1000"}, "invalid_properties", 'properties must be an object of text, numbers and booleans: "tokens" has more than 1,000 digits on a side of the point'),
        ({"flag": "1"}, "invalid_properties", 'properties must be an object of text, numbers and booleans: "flag" is neither true nor false'),
        ({"updated": "x"}, "invalid_field", 'version must be a number or a timestamp: "x"'), ({"time": "yesterday"}, "invalid_timestamp", 'timestamp must be ISO 8601 with an offset: "yesterday"'),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_mapping_is_reported(change: dict[str, str], code: str, message: str) -> None:
    """Never a silent zero, a guess, or a key made of nothing."""
    assert refusals(of_csv(ROW | change, mapping=VENDOR)) == [
        (code, message, refusals(of_csv(ROW | change, mapping=VENDOR))[0][2])
    ]


@pytest.mark.parametrize(
    ("cell", "version"),
    [("3", "3"), ("1.50e1", "15"), ("-0", "0"), ("2024-01-01T00:00:00Z", "1704067200000000"), ("2024-01-01 00:00:00", "1704067200000000"), ("1970-01-01T00:00:00.0000019Z", "1"), ("", None)],
)  # fmt: skip
def test_versions(cell: str, version: str | None) -> None:
    """Numbers as plain decimals, timestamps as microseconds since 1970, nothing as none."""
    assert of_csv(ROW | {"updated": cell}, mapping=VENDOR).accepted["version"].to_list() == [version]


def test_a_column_that_a_table_does_not_have_is_an_error_of_the_mapping() -> None:
    """Said at once, with the columns there are."""
    with pytest.raises(
        ConfigurationError,
        match='the mapping names column "gone", which is not there; there are "kind", "time"',
    ):
        of_csv({name: cell for name, cell in ROW.items() if name != "gone"}, mapping=VENDOR)


def test_the_rest_are_the_columns_not_used_otherwise() -> None:
    """Every one of them, and none of those that make fields."""
    mapping = mapping_of(
        'properties = "rest"\n[fields]\neventName = { column = "kind" }\nexternalCustomerId = { value = "acme" }\nidempotencyKey = { template = "{n}" }'
    )
    halves = of_csv({"kind": "k", "n": "1", "a": "2", "b.c": "x", "properties.d": "3"}, mapping=mapping)
    assert properties(halves) == [{"a": 2, "b.c": "x", "properties.d": 3}]
    assert halves.counts.unknown_fields == {}
    by_name = of_csv(BY_NAME | {"a": "2"}, mapping=mapping_of('properties = "rest"'))
    assert properties(by_name) == [{"a": 2}]


def test_members_of_json_are_columns_with_dots() -> None:
    """A mapping reads another system's JSON; types of values stay, ids may be numbers."""
    mapping = mapping_of("""
        version = { column = "v" }
        deleted = { column = "gone", equals = "true" }
        [fields]
        eventName = { column = "kind" }
        externalCustomerId = { column = "who.id" }
        timestamp = { column = "at", unit = "ms" }
        idempotencyKey = { column = "id" }
        [properties]
        tokens = { column = "usage.tokens" }
        label = { column = "usage.label", type = "number" }
    """)  # fmt: skip
    row = {
        "kind": "k",
        "who": {"id": "acme", "name": "n"},
        "at": 1700000000123,
        "id": 5,
        "v": 2,
        "gone": True,
        "usage": {"tokens": 1.50, "label": "7"},
    }
    halves = sifted(
        json_chunk([json.dumps(row).encode(), b"{", b'{"kind": ["k"], "who": {"id": "acme"}}']),
        mapping=mapping,
    )
    assert halves.accepted.select(
        "event_name", "idempotency_key", "properties", "version", "is_deleted"
    ).rows() == [("k", "5", '{"tokens":1.5,"label":7}', "2", True)]
    assert halves.accepted["at"].to_list() == [datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)]
    assert [code for code, *_ in refusals(halves)] == ["malformed_row", "invalid_field"]
    assert halves.counts.unknown_fields == {"who.name": 1}


def test_the_rest_of_json_rows() -> None:
    """Members that nothing else used become properties; a list among them is reported."""
    mapping = mapping_of('properties = "rest"')
    rows = [BY_NAME | {"a": 1, "b": {"c": "x"}, "d": None}, BY_NAME | {"a": [1]}]
    halves = sifted(json_chunk([json.dumps(row).encode() for row in rows]), mapping=mapping)
    assert halves.accepted["properties"].to_list() == ['{"a":1,"b.c":"x"}']
    assert refusals(halves)[0][1].endswith('"a" is a list')


def test_a_mapping_that_only_marks_leaves_the_fields_by_name() -> None:
    """Versions and deletions beside events of the usual shape."""
    mapping = mapping_of('version = { column = "rev" }')
    raw = json.dumps(BY_NAME | {"rev": 3, "properties": {"a": 1}, "x": 1}).encode()
    halves = sifted(json_chunk([raw]), mapping=mapping)
    assert halves.accepted.select("properties", "version").rows() == [('{"a": 1}', "3")]
    assert halves.counts.unknown_fields == {"x": 1}


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.fixed_dictionaries({name: st.sampled_from(["", cell, "x", "1"]) for name, cell in ROW.items()}),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 3),
)
def test_the_size_of_a_chunk_never_shows_in_tables(rows: list[dict[str, str]], size: int) -> None:
    """Sifting the whole is sifting the parts, and no row is lost."""
    whole = of_csv(*rows, mapping=VENDOR)
    parts = [of_csv(*rows[at : at + size], mapping=VENDOR) for at in range(0, len(rows), size)]
    assert len(whole.accepted) + len(whole.rejections) == len(rows)
    kept = [column for column in whole.accepted.columns if column not in {"row", "line"}]
    assert pl.concat([part.accepted for part in parts]).select(kept).equals(whole.accepted.select(kept))
    assert [one for part in parts for one in refusals(part)] == refusals(whole)
