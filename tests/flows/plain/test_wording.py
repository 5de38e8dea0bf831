"""Counts are worded and ordered in one way wherever they are printed."""

from dataclasses import fields

from flows.output.wording import COUNTED_ROWS, count_list, counted
from schemas.ledger import RowCounts


def test_the_printed_counts_are_those_of_a_ledger() -> None:
    """All rows come first, then each outcome, and a ledger counts every one of them in this order."""
    assert COUNTED_ROWS == ("rows", "new", "duplicate", "corrected", "stale", "rejected")
    assert [field.name for field in fields(RowCounts)][: len(COUNTED_ROWS)] == list(COUNTED_ROWS)


def test_one_thing_has_no_plural() -> None:
    """Numbers have thousands separators, and only one is singular."""
    assert [counted(number, "file") for number in (0, 1, 2, 12_345)] == [
        "0 files",
        "1 file",
        "2 files",
        "12,345 files",
    ]


def test_counts_are_listed_with_the_greatest_first() -> None:
    """Equal counts are ordered by name."""
    assert count_list({"b": 2, "a": 2, "c": 1_000}) == "c 1,000, a 2, b 2"
