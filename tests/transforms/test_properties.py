"""Properties are flat objects of texts, numbers and booleans, and are kept exactly."""

import json
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.values.properties import canonical_properties, check_properties

SCALARS = st.one_of(
    st.sampled_from([0, 1, -1, 1.0, 0.5, True, False, "1", "true", "", "a"]),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5),
)
OBJECTS = st.dictionaries(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3),
    SCALARS,
    max_size=4,
)


def checked(text: str | None) -> tuple[str, str | None, str | None]:
    frame = pl.DataFrame(
        {"properties": [text], "properties_flaw": [None], "properties_name": [None]},
        schema=dict.fromkeys(("properties", "properties_flaw", "properties_name"), pl.String),
    )
    return check_properties(frame).row(0)


def written(value: dict[str, Any], *, is_ascii: bool = False, names: list[str] | None = None) -> str:
    members = (
        f"{json.dumps(name, ensure_ascii=is_ascii)}: {scalar(value[name], is_ascii)}"
        for name in names or list(value)
    )
    return "{" + ", ".join(members) + "}"


def scalar(value: Any, is_ascii: bool) -> str:  # noqa: FBT001
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=is_ascii)


def as_json_value(value: Any) -> tuple[str, Any]:
    """Return a value that is equal exactly if the JSON values are: true is not 1, and "1" is not 1."""
    kind = "truth" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    return kind, Decimal(repr(value)) if isinstance(value, float) else value


@settings(deadline=None)
@given(OBJECTS, st.booleans(), st.randoms(use_true_random=False))
def test_flat_objects_pass_as_they_are(value: dict[str, Any], is_ascii: bool, random: Any) -> None:  # noqa: FBT001
    """No byte is changed, and the canonical form does not depend on order and escapes."""
    text = written(value, is_ascii=is_ascii)
    assert checked(text) == (text, None, None)
    names = list(value)
    random.shuffle(names)
    assert canonical_properties(written(value, names=names)) == canonical_properties(text)


@settings(deadline=None)
@given(OBJECTS, OBJECTS)
def test_canonical_forms_are_equal_exactly_where_json_is(one: dict[str, Any], other: dict[str, Any]) -> None:
    """1, 1.0 and 1e0 are one value; 1, "1" and true are three."""
    is_equal = {name: as_json_value(value) for name, value in one.items()} == {
        name: as_json_value(value) for name, value in other.items()
    }
    assert (canonical_properties(written(one)) == canonical_properties(written(other))) == is_equal


@pytest.mark.parametrize(
    ("text", "flaw", "name"),
    [
        ('{"a": null}', '"a" is null', "a"), ('{"b": 1, "a": [1]}', '"a" is a list', "a"), ('{"a": {}}', '"a" is an object', "a"),
        ("[]", "it is a list", None), ("5", "it is a number", None), ('"{}"', "it is a text", None), ("true", "it is a boolean", None),
        ('{"a": "x\\u0000y"}', '"a" holds U+0000', "a"), ('{"a\\u0000": 1}', '"a\\u0000" holds U+0000', "a\0"),
        ('{"a": 1e1000}', '"a" has more than 1,000 digits on a side of the point', "a"), ('{"a": 1e131072}', '"a" has more than 1,000 digits on a side of the point', "a"),
        ('{"a": 1e-1001}', '"a" has more than 1,000 digits on a side of the point', "a"), ('{"a": ' + "9" * 1001 + "}", '"a" has more than 1,000 digits on a side of the point', "a"),
        ('{"a": 1', "expecting ',' delimiter at byte 7", None), ("{a: 1}", "expecting property name enclosed in double quotes at byte 1", None), ('{"a": NaN}', "NaN is no JSON value at byte 6", None),
    ],
)  # fmt: skip
def test_flaws(text: str, flaw: str, name: str | None) -> None:
    """A value that is no text, number or boolean, or cannot be stored, is reported with the property's name."""
    assert checked(text)[1:] == (flaw, name)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (None, "{}"), ("{}", "{}"), (" { } ", " { } "), ('{"a": 1e999}', '{"a": 1e999}'), ('{"a": "\\ud83d\\ude00"}', '{"a": "\\ud83d\\ude00"}'), ('{"a": "\\\\u0000"}', '{"a": "\\\\u0000"}'),
        ('{"a": "null"}', '{"a": "null"}'), ('{"a": -0.10E1}', '{"a": -0.10E1}'), ('{"a": null, "a": 2}', '{"a":2}'), ('{"a": "\\u0000", "\\u0061": 2}', '{"a":2}'),
        ('{"a": 1e131072, "a": 1.50}', '{"a":1.50}'), ('{"a": 0e999999999}', '{"a":0}'), ('{"a": 1.' + "0" * 2000 + "}", '{"a":1}'), ('{"": ""}', '{"": ""}'),
        ('{"a": "1e1001"}', '{"a": "1e1001"}'), ('{"a": "[{"}', '{"a": "[{"}'), ('{"a": "' + "9" * 5000 + '"}', '{"a": "' + "9" * 5000 + '"}'),
    ],
)  # fmt: skip
def test_the_text_that_is_kept(text: str | None, kept: str) -> None:
    """The text is kept as it is, unless a name is repeated or the spelling of a number is too long."""
    assert checked(text) == (kept, None, None)


def test_a_flaw_found_before_stays() -> None:
    """A cell that did not fit its type keeps its flaw."""
    frame = pl.DataFrame(
        {
            "properties": ['{"a":"x","b":null}'],
            "properties_flaw": ['"a" is no number'],
            "properties_name": ["a"],
        }
    )
    assert check_properties(frame).row(0)[1:] == ('"a" is no number', "a")
