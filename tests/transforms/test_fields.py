"""Columns of CSV become fields and properties by their names, and no value changes."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.documents.mapping import Mapping
from tests.transforms.sifting import UUID
from tests.transforms.tables import BY_NAME, of_csv, properties, refusals


def test_columns_are_fields_by_their_names() -> None:
    """Both spellings are read; an empty cell is absent; fields are always texts."""
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
        ("1", Decimal(1)), ("-0.5", Decimal("-0.5")), ("5.0", Decimal(5)), ("0", Decimal(0)), ("0.0", Decimal(0)), ("9007199254740993", Decimal(9007199254740993)), ("0.1000000000000000000000000001", Decimal("0.1000000000000000000000000001")),
        ("+5", "+5"), (".5", ".5"), (" 7", " 7"), ("1,000", "1,000"), ("1.000,50", "1.000,50"), ("NaN", "NaN"), ("Infinity", "Infinity"), ("01", "01"), ("true", "true"), ("null", "null"),
        ("1.10", "1.10"), ("-0.50", "-0.50"), ("1.00", "1.00"), ("1e3", "1e3"), ("10E2", "10E2"), ("26e87555", "26e87555"), ("007", "007"), ("-0", "-0"),
        ("1.23E+15", "1.23E+15"), ("2024-01-01", "2024-01-01"), ('q"\\\n\t\x01', 'q"\\\n\t\x01'), ("é\U0001f600", "é\U0001f600"), ("{}", "{}"),
    ],
)  # fmt: skip
def test_a_property_of_csv_is_a_number_in_its_plain_form_only(cell: str, value: object) -> None:
    """A number keeps its digits; versions, SKUs and commits that look like numbers are texts, and no date is guessed."""
    (value_read,) = properties(of_csv(BY_NAME | {"properties.v": cell}))
    assert value_read == {"v": value}
    assert type(value_read["v"]) is type(value)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=4), max_size=3), min_size=1, max_size=3))  # fmt: skip
def test_hostile_names_and_cells_are_only_names_and_cells(rows: list[dict[str, str]]) -> None:
    """Quotes, braces, per cent signs and patterns in names of columns have no meaning."""
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
    """polars reads names such as ^.*$ and * as patterns; here they are names of columns."""
    assert properties(of_csv(BY_NAME | {f"properties.{name}": "1", "properties.z": "2"})) == [
        {name: 1, "z": 2}
    ]
    assert of_csv(BY_NAME | {name: "1"}).counts.unknown_fields == {name: 1}


def test_a_column_of_json_objects_and_columns_of_properties() -> None:
    """Each is read alone and both together; if both have a property, its own column counts."""
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
    """The counts are by name, over all rows."""
    halves = of_csv(
        BY_NAME | {"note": "x", "empty": ""}, BY_NAME | {"note": "", "eventName": ""}, BY_NAME | {"note": "y"}
    )
    assert halves.counts.unknown_fields == {"note": 2}
