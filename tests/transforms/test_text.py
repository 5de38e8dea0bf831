"""Texts of users cannot steer a terminal, whatever they contain."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.values.text import EXCERPT_LIMIT, QUOTED_LIMIT, cut, excerpt, quoted, visible

TEXTS = st.text(st.characters(exclude_categories=[]))


@given(TEXTS)
def test_a_visible_text_is_printable(text: str) -> None:
    """A terminal gets printable characters only, and a printable text is not changed."""
    assert visible(text).isprintable()
    assert visible(visible(text)) == visible(text)


@given(TEXTS, st.integers(0, 300))
def test_an_excerpt_is_short_and_can_be_stored(text: str, size: int) -> None:
    """It has no control character and no lone surrogate, which Postgres would refuse."""
    excerpted = excerpt(text + "x" * size)
    assert excerpted.encode().decode() == excerpted
    assert not any(char < " " or "\x7f" <= char < "\xa0" for char in excerpted)
    assert len(excerpt("x" * size)) == min(size, EXCERPT_LIMIT)


@pytest.mark.parametrize("text", ["Acme\u3000", "\uff41cme", "cafe\u0301", "a\xa0b", "\U0001f600"])
def test_an_excerpt_keeps_unusual_letters_and_spaces(text: str) -> None:
    """An id may differ from a known one by nothing else."""
    assert excerpt(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), (1, "1"), (Decimal("1.50"), "1.50"), ("a\nb", r"'a\nb'"), ([], "a list"), ({}, "an object")],
)  # fmt: skip
def test_quoted_values(value: object, text: str) -> None:
    """A message shows a value as JSON would, a text in quotes, and only the kind of lists and objects."""
    assert quoted(value) == text


def test_long_values_are_cut() -> None:
    """A message stays on one line."""
    assert len(quoted("x" * 1000)) <= QUOTED_LIMIT + 1
    assert (cut("abc", 3), cut("abcd", 3)) == ("abc", "abc…")
