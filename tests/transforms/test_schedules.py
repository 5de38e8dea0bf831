"""Contracts scheduled together have the periods of each by itself, and share the schedules that are equal."""

from datetime import date, datetime, timedelta

import polars as pl
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from schemas.frames.periods import BILLING_PERIODS, CONTRACT_SCHEDULES
from schemas.vocabulary import Interval
from tests.transforms.contract_periods import (
    ANCHORS,
    CALENDAR,
    CLOCKS,
    INTERVALS,
    ZONES,
    at,
    contract_frame,
    periods,
    pricing_frame,
)
from transforms.usage.coverage import coverages
from transforms.usage.periods import schedules


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(st.integers(1, 3), CALENDAR, st.one_of(st.none(), st.integers(1, 900)), ANCHORS), max_size=6
    ),
    priced=st.lists(st.tuples(st.integers(1, 3), INTERVALS, st.integers(1, 4)), max_size=5),
    zone=st.sampled_from(ZONES),
    clock=CLOCKS,
)
def test_schedules_have_the_periods_of_each_contract_and_interval(
    rows: list[tuple[int, date, int | None, str | None]],
    priced: list[tuple[int, Interval, int]],
    zone: str,
    clock: datetime,
) -> None:
    """Trap 7: contracts taken together have the periods that each has by itself."""
    contracts = [
        (no, no + 100, plan, start, None if days is None else start + timedelta(days=days), anchor)
        for no, (plan, start, days, anchor) in enumerate(rows)
    ]
    usage = [(no, plan, no + 200, str(unit), count) for no, (plan, unit, count) in enumerate(priced)]
    found = schedules(contract_frame(contracts), pricing_frame(usage), zone=zone, until=clock)
    placed = found.contracts.join(found.periods, on="schedule_no").select(
        "contract_no", "customer_no", "interval", "interval_count",
        "period_start_on", "period_end_on", "period_start", "period_end",
    ).sort("contract_no", "interval", "interval_count", "period_start")  # fmt: skip
    intervals = sorted({(plan, str(unit), count) for plan, unit, count in priced})
    expected = [
        (contract_no, customer_no, unit, count, p.start_on, p.end_on, p.start_at, p.end_at)
        for contract_no, customer_no, plan, start, end, anchor in contracts
        for priced_plan, unit, count in intervals
        if plan == priced_plan
        for p in periods(
            start_on=start,
            end_on=end,
            anchor=anchor,
            interval=Interval(unit),
            count=count,
            zone=zone,
            until=clock,
        )
    ]
    assert placed.rows() == expected


def test_schedules_of_nothing_have_their_columns() -> None:
    """Without contracts or pricings there are no rows, and the columns have their types."""
    some = contract_frame([(1, 1, 1, date(2026, 1, 1), None, None)])
    priced = pricing_frame([(1, 1, 1, "MONTH", 1)])
    clock = at("2026-01-01T00:00:00Z")
    full = schedules(some, priced, zone="UTC", until=clock)
    assert (full.contracts.schema, full.periods.schema) == (CONTRACT_SCHEDULES, BILLING_PERIODS)
    for contracts, pricings in ((some.clear(), priced), (some, priced.clear())):
        empty = schedules(contracts, pricings, zone="UTC", until=clock)
        assert_frame_equal(empty.contracts, full.contracts.clear())
        assert_frame_equal(empty.periods, full.periods.clear())


def test_contracts_found_alike_share_a_schedule() -> None:
    """There are as many schedules as there are different calendars, however many contracts."""
    alike = contract_frame([(no, no, 1, date(2026, 1, 1), None, None) for no in range(50)])
    other = contract_frame([(50, 50, 1, date(2026, 1, 2), None, None)])
    priced = pricing_frame([(1, 1, 1, "MONTH", 1), (2, 1, 2, "MONTH", 1), (3, 1, 3, "YEAR", 1)])
    found = schedules(pl.concat([alike, other]), priced, zone="UTC", until=at("2026-06-01T00:00:00Z"))
    assert found.contracts.height == 51 * 2
    assert found.contracts["schedule_no"].n_unique() == 4


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(ZONES), CALENDAR, st.one_of(st.none(), st.integers(1, 900)), INTERVALS)
def test_a_contract_covers_what_its_periods_tile(
    zone: str, start_on: date, days: int | None, interval: Interval
) -> None:
    """Coverage begins with the first period and ends with the last; without an instant there is neither."""
    end_on = None if days is None else start_on + timedelta(days=days)
    covered = coverages(contract_frame([(1, 1, 1, start_on, end_on, None)]), zone=zone)
    until = at("2105-01-01T00:00:00Z")
    tiles = periods(
        start_on=start_on, end_on=end_on, anchor=None, interval=interval, count=1, zone=zone, until=until
    )
    assume(tiles)
    assert covered["start_at"].to_list() == [tiles[0].start_at]
    assert covered["end_at"].to_list() == [None if end_on is None else tiles[-1].end_at]
