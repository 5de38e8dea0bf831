"""A mapping makes fields, properties, versions and deletions from the columns or members of a source."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ConfigurationError
from tests.transforms.sifting import json_chunk, sifted
from tests.transforms.tables import BY_NAME, mapping_of, of_csv, properties, refusals

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
    """Fields come from values, columns and templates; properties have types; version and deletion are read."""
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
def test_a_cell_that_does_not_fit_its_mapping_rejects_the_row(
    change: dict[str, str], code: str, message: str
) -> None:
    """Nothing becomes a silent zero, a guess, or a key made of absent cells."""
    assert refusals(of_csv(ROW | change, mapping=VENDOR)) == [
        (code, message, refusals(of_csv(ROW | change, mapping=VENDOR))[0][2])
    ]


@pytest.mark.parametrize(
    ("cell", "version"),
    [("3", "3"), ("1.50e1", "15"), ("-0", "0"), ("2024-01-01T00:00:00Z", "1704067200000000"), ("2024-01-01 00:00:00", "1704067200000000"), ("1970-01-01T00:00:00.0000019Z", "1"), ("", None)],
)  # fmt: skip
def test_versions_are_plain_decimals(cell: str, version: str | None) -> None:
    """A number is a plain decimal, a timestamp microseconds since 1970, an empty cell null."""
    assert of_csv(ROW | {"updated": cell}, mapping=VENDOR).accepted["version"].to_list() == [version]


def test_a_column_that_a_table_does_not_have_is_an_error_of_the_mapping() -> None:
    """The error names the missing column and the columns of the table."""
    with pytest.raises(
        ConfigurationError,
        match='the mapping names column "gone", which is not there; there are "kind", "time"',
    ):
        of_csv({name: cell for name, cell in ROW.items() if name != "gone"}, mapping=VENDOR)


def test_the_rest_are_all_columns_without_another_use() -> None:
    """With properties = "rest" each of them is a property, and no column that makes a field is."""
    mapping = mapping_of(
        'properties = "rest"\n[fields]\neventName = { column = "kind" }\nexternalCustomerId = { value = "acme" }\nidempotencyKey = { template = "{n}" }'
    )
    halves = of_csv({"kind": "k", "n": "1", "a": "2", "b.c": "x", "properties.d": "3"}, mapping=mapping)
    assert properties(halves) == [{"a": 2, "b.c": "x", "properties.d": 3}]
    assert halves.counts.unknown_fields == {}
    by_name = of_csv(BY_NAME | {"a": "2"}, mapping=mapping_of('properties = "rest"'))
    assert properties(by_name) == [{"a": 2}]


def test_members_of_json_are_columns_with_dots() -> None:
    """A mapping reads the JSON of another system; values keep their types, and ids may be numbers."""
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
        json_chunk([json.dumps(row).encode(), b"{", b'{"kind": ["k"], "who": {"id": "acme"}, "at": 1}']),
        mapping=mapping,
    )
    assert halves.accepted.select(
        "event_name", "idempotency_key", "properties", "version", "is_deleted"
    ).rows() == [("k", "5", '{"tokens":1.5,"label":7}', "2", True)]
    assert halves.accepted["at"].to_list() == [datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)]
    assert [code for code, *_ in refusals(halves)] == ["malformed_row", "invalid_field"]
    assert halves.counts.unknown_fields == {"who.name": 1}


def test_the_rest_of_json_rows() -> None:
    """Members without another use become properties; a list among them rejects the row."""
    mapping = mapping_of('properties = "rest"')
    rows = [BY_NAME | {"a": 1, "b": {"c": "x"}, "d": None}, BY_NAME | {"a": [1]}]
    halves = sifted(json_chunk([json.dumps(row).encode() for row in rows]), mapping=mapping)
    assert halves.accepted["properties"].to_list() == ['{"a":1,"b.c":"x"}']
    assert refusals(halves)[0][1].endswith('"a" is a list')


def test_a_mapping_of_versions_alone_leaves_the_fields_by_name() -> None:
    """Fields and properties are read as without a mapping."""
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
def test_the_size_of_a_chunk_does_not_change_the_result_for_tables(
    rows: list[dict[str, str]], size: int
) -> None:
    """Sifting parts gives the same rows as sifting the whole, and no row is lost."""
    whole = of_csv(*rows, mapping=VENDOR)
    parts = [of_csv(*rows[at : at + size], mapping=VENDOR) for at in range(0, len(rows), size)]
    assert len(whole.accepted) + len(whole.rejections) == len(rows)
    kept = [column for column in whole.accepted.columns if column not in {"row", "line"}]
    assert pl.concat([part.accepted for part in parts]).select(kept).equals(whole.accepted.select(kept))
    assert [one for part in parts for one in refusals(part)] == refusals(whole)


@pytest.mark.parametrize(
    ("setting", "codes"),
    [
        ("", ["missing_timestamp"]),
        ('missing_timestamp = "reject"', ["missing_timestamp"]),
        ('missing_timestamp = "now"', []),
    ],
)
def test_a_mapped_source_does_not_bill_at_the_clock_by_accident(setting: str, codes: list[str]) -> None:
    """A subtotal row without a date is rejected if the mapping makes the timestamp, unless it asks for the clock."""
    mapping = mapping_of(f"""
        {setting}
        [fields]
        eventName = {{ value = "call" }}
        externalCustomerId = {{ column = "customer" }}
        timestamp = {{ column = "at" }}
    """)
    dated, subtotal = {"customer": "acme", "at": "2026-01-01T00:00:00Z"}, {"customer": "acme", "at": ""}
    halves = of_csv(dated, subtotal, mapping=mapping)
    assert [code for code, _, _ in refusals(halves)] == codes
