"""Few ranges stand for many: they hold them all, lie apart, and leave the widest gaps out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from schemas.frames.instant import INSTANT
from transforms.usage.ranges import few_ranges

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
told = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=20)


def ranges_of(rows: list[tuple[int, int]]) -> pl.DataFrame:
    moments = [(FIRST + timedelta(begin), FIRST + timedelta(begin + length)) for begin, length in rows]
    return pl.DataFrame(moments, schema={"from_at": INSTANT, "until_at": INSTANT}, orient="row")


def held(rows: pl.DataFrame) -> set[int]:
    return {
        day
        for from_at, until_at in rows.iter_rows()
        for day in range((from_at - FIRST).days, (until_at - FIRST).days)
    }


@given(told, st.integers(1, 5))
def test_few_ranges_hold_all_and_are_few(rows: list[tuple[int, int]], most: int) -> None:
    """Nothing is left out, no two overlap, and there are no more than asked for."""
    few = few_ranges(ranges_of(rows), most=most)
    assert few.height <= most
    assert held(few) >= held(ranges_of(rows))
    ends = few["until_at"].to_list()
    assert all(end < begin for end, begin in zip(ends, few["from_at"].to_list()[1:], strict=False))


@given(told)
def test_where_there_is_room_only_what_is_asked_is_held(rows: list[tuple[int, int]]) -> None:
    """With as many ranges allowed as are told, every gap stays out."""
    assert held(few_ranges(ranges_of(rows), most=len(rows))) == held(ranges_of(rows))


def test_the_widest_gap_stays_out() -> None:
    """Of two gaps and two ranges allowed, the narrow one is filled."""
    few = few_ranges(ranges_of([(0, 1), (3, 1), (40, 1)]), most=2)
    assert held(few) == {0, 1, 2, 3, 40}
