"""JSON is read exactly: broken text is refused with its place, and numbers keep their text."""

import json

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.values.json import (
    DEPTH_LIMIT,
    Members,
    NotJsonError,
    Number,
    has_lone_surrogate,
    parse,
    write,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_is_written_reads_the_same(value: object) -> None:
    """Reading and writing lose nothing, and every parser reads the written JSON."""
    text = json.dumps(value)
    assert json.loads(write(parse(text.encode()))) == value


@pytest.mark.parametrize(
    "text", ["1e400", "-0", "1.10", "123456789012345678901234567890.5", "1" * 5000, "1E+2"]
)
def test_numbers_keep_their_text(text: str) -> None:
    """A number passes through no double, has no limit, and is not normalised."""
    number = parse(text.encode())
    assert type(number) is Number
    assert number == text
    assert write({"n": number}) == '{"n":' + text + "}"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"a":1,}', "at byte 7"), (b"", "at byte 0"), (b'{"\xc3\xa9":x}', "at byte 6"), (b'{"a":"\xff"}', "broken UTF-8 at byte 6"),
        (b'{"a":NaN}', "NaN is no JSON value at byte 5"), (b'["NaN",-Infinity]', "-Infinity is no JSON value at byte 7"),
        (b'{"a":"\\ud83d"}', "lone surrogate at byte 6"), (b'["\\\\ud83d","\\ude00"]', "lone surrogate at byte 12"), (b'["\\ud83d\\ud83d\\ude00"]', "lone surrogate at byte 2"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64 at byte 64"), (b'{"a":1} x', "at byte 8"), (b"\xef\xbb\xbf{}", "at byte 0"), (b'["\n"]', "at byte 2"),
        (b"[" * 100_000, "nested deeper than 64 at byte 64"), (b"[01]", "at byte 2"), (b"['a']", "at byte 1"),
    ],
)  # fmt: skip
def test_broken_text_is_refused_with_its_place(raw: bytes, message: str) -> None:
    """The message ends with the byte offset, counted in bytes and not in characters."""
    with pytest.raises(NotJsonError) as refusal:
        parse(raw)
    assert str(refusal.value).endswith(message)


@pytest.mark.parametrize(
    "raw", [b'"\\ud83d\\ude00"', b'"\\\\ud83d"', b"[" * 64 + b"]" * 64, b'"' + b"[" * 100 + b'"']
)
def test_text_that_only_looks_broken_is_read(raw: bytes) -> None:
    """Pairs of surrogates, escaped backslashes, 64 levels and brackets in a text are allowed."""
    assert parse(raw) is not None
    assert DEPTH_LIMIT == 64


def test_of_equal_names_the_last_counts() -> None:
    """The object says that it had equal names, also if they were escaped differently."""
    members = parse(b'{"a":1,"b":2,"\\u0061":3}')
    assert isinstance(members, Members)
    assert members == {"a": "3", "b": "2"}
    assert members.has_repeats


PIECES = st.sampled_from(
    ["\\\\", "\\ud83d", "\\ude00", "\\uDBFF", "\\uDC00", "\\n", "\\u0041", "ud83d", "u", "a", '\\"']
)


@example([r"\\ud83d\ude00", r"\\\ud83d\ude00", r"\ud83d\\\ude00", r"\ud83d\ud83d\ude00"])
@given(st.lists(st.lists(PIECES, max_size=6).map("".join), max_size=6))
def test_half_a_pair_of_surrogates_is_found_in_a_column_as_in_a_text(texts: list[str]) -> None:
    """The check of a column and the parser agree; an escaped backslash does not escape the next character."""
    raws = [f'"{text}"' for text in texts]
    assert has_lone_surrogate(pl.Series(raws, dtype=pl.String)).to_list() == [is_refused(raw) for raw in raws]


def is_refused(raw: str) -> bool:
    try:
        parse(raw.encode())
    except NotJsonError:
        return True
    return False
