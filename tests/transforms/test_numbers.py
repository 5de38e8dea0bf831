"""Numbers keep every digit, and have one plain spelling."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.values.numbers import DIGIT_LIMIT, is_json_number, plain_decimal

DIGITS = st.text("0123456789", min_size=1, max_size=40)


@st.composite
def number_texts(draw: st.DrawFn) -> str:
    whole = draw(DIGITS).lstrip("0") or "0"
    fraction = draw(st.just("") | DIGITS.map(lambda digits: "." + digits))
    exponent = draw(st.just("") | st.integers(-60, 60).map(lambda size: f"e{size}"))
    return draw(st.sampled_from(["", "-"])) + whole + fraction + exponent


@given(number_texts())
def test_the_plain_spelling_has_the_same_value(text: str) -> None:
    """No digit is lost or added."""
    plain = plain_decimal(text)
    assert plain is not None
    assert Decimal(plain) == Decimal(text)
    assert "e" not in plain
    assert not plain.startswith("+")


@given(number_texts(), number_texts())
def test_numbers_are_equal_exactly_where_their_plain_spellings_are(one: str, other: str) -> None:
    """The plain spelling identifies the value."""
    assert (plain_decimal(one) == plain_decimal(other)) == (Decimal(one) == Decimal(other))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("1", "1"), ("1.0", "1"), ("1e0", "1"), ("10e-1", "1"), ("-0", "0"), ("-0.0e5", "0"), ("1e3", "1000"), ("1E+3", "1000"),
        ("0.10", "0.1"), ("-1.50", "-1.5"), ("9007199254740993", "9007199254740993"), ("1.0000000000000000000000000001", "1.0000000000000000000000000001"),
        ("1e-7", "0.0000001"), ("0e999999999999999999999", "0"), ("123.456e2", "12345.6"),
    ],
)  # fmt: skip
def test_plain_spellings(text: str, plain: str) -> None:
    """1, 1.0 and 1e0 are one number; so are 0 and -0; nothing goes through a double."""
    assert plain_decimal(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "+5",
        ".5",
        "5.",
        " 7",
        "7 ",
        "1,000",
        "1.000,50",
        "01",
        "NaN",
        "Infinity",
        "",
        "0x10",
        "1e",
        "١",
        "1_000",
        "--1",
    ],
)
def test_other_texts_have_no_plain_spelling(text: str) -> None:
    """A text that only looks like a number is not taken for one."""
    assert not is_json_number(text)
    assert plain_decimal(text) is None


@pytest.mark.parametrize("size", [DIGIT_LIMIT - 1, DIGIT_LIMIT, DIGIT_LIMIT + 1, 131_072, 10**18])
def test_a_number_has_at_most_a_thousand_digits_on_a_side(size: int) -> None:
    """The limit is on the plain spelling, also if the number is written with an exponent."""
    assert (plain_decimal(f"1e{size - 1}") is not None) == (size <= DIGIT_LIMIT)
    assert (plain_decimal(f"1e-{size}") is not None) == (size <= DIGIT_LIMIT)
    if size <= 200_000:
        assert (plain_decimal("9" * size) is not None) == (size <= DIGIT_LIMIT)
        assert (plain_decimal("-0." + "9" * size) is not None) == (size <= DIGIT_LIMIT)
