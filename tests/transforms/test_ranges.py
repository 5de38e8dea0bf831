"""Few ranges contain the many: they do not overlap, and leave the widest gaps out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from schemas.frames.instant import INSTANT
from transforms.usage.ranges import few_ranges

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
intervals = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=20)


def ranges_of(rows: list[tuple[int, int]]) -> pl.DataFrame:
    moments = [(FIRST + timedelta(begin), FIRST + timedelta(begin + length)) for begin, length in rows]
    return pl.DataFrame(moments, schema={"from_at": INSTANT, "until_at": INSTANT}, orient="row")


def days_in(rows: pl.DataFrame) -> set[int]:
    return {
        day
        for from_at, until_at in rows.iter_rows()
        for day in range((from_at - FIRST).days, (until_at - FIRST).days)
    }


@given(intervals, st.integers(1, 5))
def test_few_ranges_contain_all_and_are_few(rows: list[tuple[int, int]], most: int) -> None:
    """Nothing is left out, no two ranges overlap, and there are at most as many as allowed."""
    few = few_ranges(ranges_of(rows), most=most)
    assert few.height <= most
    assert days_in(few) >= days_in(ranges_of(rows))
    ends = few["until_at"].to_list()
    assert all(end < begin for end, begin in zip(ends, few["from_at"].to_list()[1:], strict=False))


@given(intervals)
def test_with_enough_ranges_nothing_else_is_contained(rows: list[tuple[int, int]]) -> None:
    """If as many ranges are allowed as are given, every gap is left out."""
    assert days_in(few_ranges(ranges_of(rows), most=len(rows))) == days_in(ranges_of(rows))


def test_the_widest_gap_is_left_out() -> None:
    """With two gaps and two ranges allowed, the narrow gap is filled."""
    few = few_ranges(ranges_of([(0, 1), (3, 1), (40, 1)]), most=2)
    assert days_in(few) == {0, 1, 2, 3, 40}
