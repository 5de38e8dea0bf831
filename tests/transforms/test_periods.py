"""Billing periods tile their contract, in every zone, for every anchor and interval."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.vocabulary import Interval
from tests.transforms.calendar_days import day_starts
from tests.transforms.contract_periods import (
    ANCHORS,
    CALENDAR,
    CLOCKS,
    INTERVALS,
    ZONES,
    Period,
    at,
    dates,
    on,
    periods,
)
from transforms.usage.anchors import anchor_of
from transforms.values.days import LAST_INSTANT, opening, zone_named


def shifted(year: int, month: int, day: int, months: int) -> date:
    """Return a day of month so many months later, clamped to its month, by plain calendar arithmetic."""
    years, zero_based = divmod(month - 1 + months, 12)
    year, month = year + years, zero_based + 1
    return date(year, month, min(day, monthrange(year, month)[1]))


@settings(deadline=None, max_examples=150)
@given(
    zone=st.sampled_from(ZONES),
    start_on=CALENDAR,
    days=st.one_of(st.none(), st.integers(1, 20_000)),
    anchor=ANCHORS,
    interval=INTERVALS,
    count=st.integers(1, 14),
    clock=CLOCKS,
)
def test_periods_tile_the_contract(
    zone: str,
    start_on: date,
    days: int | None,
    anchor: str | None,
    interval: Interval,
    count: int,
    clock: datetime,
) -> None:
    """Trap 2: end[n] == start[n+1], none empty, from the contract's first instant to its last or past `until`."""
    end_on = None if days is None else start_on + timedelta(days=days)
    tiles = periods(
        start_on=start_on,
        end_on=end_on,
        anchor=anchor,
        interval=interval,
        count=count,
        zone=zone,
        until=clock,
    )
    named = zone_named(zone)
    begins, ends = opening(named, start_on), opening(named, end_on) if end_on else LAST_INSTANT
    if begins > clock or begins == ends:
        assert tiles == []
        return
    assert tiles[0].start_at == begins
    assert all(p.end_at == q.start_at for p, q in pairwise(tiles))
    assert all(p.start_at < p.end_at for p in tiles)
    assert tiles[-1].start_at <= clock
    assert tiles[-1].end_at > clock or tiles[-1].end_at == ends
    assert tiles[-1].end_at <= ends


@settings(deadline=None, max_examples=60)
@given(start_on=CALENDAR, anchor=ANCHORS, interval=INTERVALS, count=st.integers(1, 6))
def test_inner_boundaries_are_the_anchors_and_all_of_them(
    start_on: date, anchor: str | None, interval: Interval, count: int
) -> None:
    """Between start and clock the boundaries are exactly anchor + n × interval, found here by trying every n."""
    until = datetime(2101, 1, 1, tzinfo=UTC)
    tiles = periods(
        start_on=start_on, end_on=None, anchor=anchor, interval=interval, count=count, zone="UTC", until=until
    )
    origin = anchor_of(start_on, anchor)
    if interval is Interval.WEEK:
        around = [origin.on + timedelta(weeks=count * n) for n in range(-7000, 7000)]
    else:
        months = count * (12 if interval is Interval.YEAR else 1)
        reach = 132 * 12 // months + 1
        around = [
            shifted(origin.year, origin.month, origin.day, months * n) for n in range(-reach, reach + 1)
        ]
    expected = sorted({start_on, *(day for day in around if start_on < day <= until.date())})
    assert [p.start_on for p in tiles] == expected


@settings(deadline=None, max_examples=60)
@given(anchor=CALENDAR, interval=st.sampled_from([Interval.MONTH, Interval.YEAR]), count=st.integers(1, 24))
def test_a_boundary_never_drifts_from_its_anchor(anchor: date, interval: Interval, count: int) -> None:
    """Trap 1: boundary n has the anchor's day if the month has it, else the month's last day."""
    months = count * (12 if interval is Interval.YEAR else 1)
    assert_boundaries(anchor, months=months, interval=interval, count=count, steps=range(-5, 60))


def assert_boundaries(anchor: date, *, months: int, interval: Interval, count: int, steps: range) -> None:
    """Assert that the boundaries of an anchor are those of plain calendar arithmetic."""
    expected = [shifted(anchor.year, anchor.month, anchor.day, months * n) for n in steps]
    tiles = periods(
        start_on=expected[0],
        end_on=None,
        anchor=str(anchor),
        interval=interval,
        count=count,
        zone="UTC",
        until=datetime.combine(expected[-1], time.min, UTC),
    )
    assert [p.start_on for p in tiles] == expected


@pytest.mark.parametrize("day", range(1, 32))
def test_anchors_1_to_31_over_60_months(day: int) -> None:
    """Trap 1, in full: every day of month, 60 months on, with and against the calendar."""
    assert_boundaries(date(2024, 1, day), months=1, interval=Interval.MONTH, count=1, steps=range(-60, 61))
    tiles = dates("2024-01-01", until="2028-12-31T00:00:00Z", anchor=str(day))
    inner = [shifted(2024, 1, day, n) for n in range(61)]
    assert tiles == sorted({"2024-01-01", *(str(d) for d in inner if d > date(2024, 1, 1))})[: len(tiles)]
    assert len(tiles) >= 61


class TestTheExamplesOfTheRules:
    """The examples in the rules of billing periods."""

    def test_the_31st_monthly(self) -> None:
        """31 January → 28 February, 31 March, 30 April."""
        assert dates("2026-01-31", until="2026-04-01T00:00:00Z") == [
            "2026-01-31",
            "2026-02-28",
            "2026-03-31",
            "2026-04-30",
        ]

    def test_29_february_yearly(self) -> None:
        """29 February 2024 → 28 February 2025 … 29 February 2028."""
        assert dates("2024-02-29", until="2028-01-01T00:00:00Z", interval=Interval.YEAR) == [
            "2024-02-29",
            "2025-02-28",
            "2026-02-28",
            "2027-02-28",
            "2028-02-29",
        ]

    def test_the_15th(self) -> None:
        """The 15th → 15 February to 15 March."""
        assert dates("2026-02-15", until="2026-02-15T00:00:00Z") == ["2026-02-15", "2026-03-15"]

    def test_an_anchor_after_the_start_gives_a_short_first_period(self) -> None:
        """Start 10 January, anchor 15 March, monthly: 10–15 January, 15 January–15 February."""
        assert dates("2026-01-10", until="2026-01-20T00:00:00Z", anchor="2026-03-15") == [
            "2026-01-10",
            "2026-01-15",
            "2026-02-15",
        ]

    def test_a_day_of_month_that_the_month_does_not_have(self) -> None:
        """Day 31, start 10 February, quarterly: 10–28 February, 28 February–31 May."""
        assert dates("2026-02-10", until="2026-03-01T00:00:00Z", anchor="31", count=3) == [
            "2026-02-10",
            "2026-02-28",
            "2026-05-31",
        ]

    def test_weeks_run_from_the_anchors_date(self) -> None:
        """Seven days at a time, from before the start; a clamped day of month counts from where it fell."""
        assert dates(
            "2026-01-10", until="2026-01-12T00:00:00Z", anchor="2026-01-01", interval=Interval.WEEK
        ) == ["2026-01-10", "2026-01-15"]
        assert dates(
            "2026-02-10", until="2026-03-01T00:00:00Z", anchor="31", interval=Interval.WEEK, count=2
        ) == ["2026-02-10", "2026-02-14", "2026-02-28", "2026-03-14"]

    def test_an_end_cuts_the_last_period_short(self) -> None:
        """The end date is exclusive, and nothing follows it."""
        assert dates("2026-01-01", until="2030-01-01T00:00:00Z", end="2026-02-10") == [
            "2026-01-01",
            "2026-02-01",
            "2026-02-10",
        ]

    def test_a_yearly_day_of_month_in_february_reaches_for_its_day(self) -> None:
        """Day 30, start in February: the last of every February, leap years included."""
        assert dates("2026-02-10", until="2028-01-01T00:00:00Z", anchor="30", interval=Interval.YEAR) == [
            "2026-02-10",
            "2026-02-28",
            "2027-02-28",
            "2028-02-29",
        ]


class TestZones:
    """Trap 3: periods are instants."""

    def test_a_month_begins_where_its_first_day_does(self) -> None:
        """November 2026 in Los Angeles has an hour more than thirty days."""
        (october, november) = periods(
            start_on=on("2026-10-01"),
            end_on=on("2026-12-01"),
            anchor=None,
            interval=Interval.MONTH,
            count=1,
            zone="America/Los_Angeles",
            until=at("2027-01-01T00:00:00Z"),
        )
        assert october.end_at == november.start_at == at("2026-11-01T07:00:00Z")
        assert november.end_at - november.start_at == timedelta(days=30, hours=1)

    @pytest.mark.parametrize("zone", ZONES)
    def test_periods_begin_and_end_with_days(self, zone: str) -> None:
        """Weekly periods over the years of odd clock changes begin where their first days begin."""
        days = day_starts(zone, first=on("2009-12-01"), last=on("2013-01-31"))
        opened = dict(days.select("day", "start_at").iter_rows())
        tiles = periods(
            start_on=on("2010-01-01"),
            end_on=None,
            anchor="2010-01-07",
            interval=Interval.WEEK,
            count=1,
            zone=zone,
            until=at("2012-12-01T00:00:00Z"),
        )
        assert len(tiles) > 150
        assert all(p.start_at == opened[p.start_on] for p in tiles)

    def test_a_period_without_any_instant_does_not_exist(self) -> None:
        """Apia skipped 30 December 2011: the period that ended there ends where the 31st begins."""
        tiles = periods(
            start_on=on("2011-12-23"),
            end_on=on("2011-12-31"),
            anchor="2011-12-30",
            interval=Interval.WEEK,
            count=1,
            zone="Pacific/Apia",
            until=at("2012-06-01T00:00:00Z"),
        )
        assert tiles == [
            Period(on("2011-12-23"), on("2011-12-30"), at("2011-12-23T10:00:00Z"), at("2011-12-30T10:00:00Z"))
        ]


@pytest.mark.parametrize("zone", ZONES)
def test_an_instant_at_a_boundary_lies_in_the_period_that_begins_there(zone: str) -> None:
    """Trap 5: the microsecond before a boundary belongs to the period before; neighbours share no instant."""
    tiles = periods(
        start_on=on("2009-12-01"),
        end_on=on("2012-03-01"),
        anchor="31",
        interval=Interval.MONTH,
        count=1,
        zone=zone,
        until=at("2020-01-01T00:00:00Z"),
    )
    for tile, following in pairwise(tiles):
        for moment in (tile.end_at - timedelta(microseconds=1), tile.end_at):
            holding = [p for p in tiles if p.start_at <= moment < p.end_at]
            assert holding == [tile if moment < tile.end_at else following]


def test_boundaries_keep_their_microsecond() -> None:
    """Trap 6: a clock one microsecond before the boundary does not begin the next period."""
    assert dates("2026-01-01", until="2026-01-31T23:59:59.999999Z") == ["2026-01-01", "2026-02-01"]
    assert dates("2026-01-01", until="2026-02-01T00:00:00Z")[-1] == "2026-03-01"


def test_a_contract_that_starts_after_the_clock_has_no_period_yet() -> None:
    """The start and the clock are compared as instants, in the billing zone."""
    los_angeles = partial(dates, "2026-03-01", zone="America/Los_Angeles")
    assert los_angeles(until="2026-03-01T07:59:59.999999Z") == []
    assert los_angeles(until="2026-03-01T08:00:00Z") == ["2026-03-01", "2026-04-01"]


def test_the_clock_is_read_in_the_billing_zone() -> None:
    """The period of February begins when it is February in the billing zone, though not yet in UTC."""
    apia = partial(dates, "2026-01-01", zone="Pacific/Apia")
    assert apia(until="2026-01-31T10:59:59.999999Z")[-1] == "2026-02-01"
    assert apia(until="2026-01-31T11:00:00Z")[-1] == "2026-03-01"
    assert dates("2026-02-01", zone="Pacific/Apia", until="2026-01-31T11:00:00Z") == [
        "2026-02-01",
        "2026-03-01",
    ]


@pytest.mark.parametrize(("end", "count"), [("2026-01-01", 1), ("2025-12-31", 1), (None, 0), (None, -1)])
def test_inverted_and_empty_periods_raise(end: str | None, count: int) -> None:
    """Trap 8: an end on or before the start, and a count below 1, raise ValueError; they are not skipped."""
    with pytest.raises(ValueError, match="cannot"):
        dates("2026-01-01", until="2027-01-01T00:00:00Z", end=end, count=count)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_ends_of_the_calendar_hold(zone: str) -> None:
    """A contract of the last month there is, one with an interval of a million years, and one from year 1."""
    far = {"end_on": None, "zone": zone, "until": LAST_INSTANT}
    (last,) = periods(
        start_on=on("9999-12-05"),
        anchor=None,
        interval=Interval.MONTH,
        count=1,
        **far,  # type: ignore[arg-type]
    )
    assert (last.end_on, last.end_at) == (date.max, LAST_INSTANT)
    (huge,) = periods(
        start_on=date.min,
        anchor="9999-12-31",
        interval=Interval.YEAR,
        count=1_000_000,
        **far,  # type: ignore[arg-type]
    )[:1]
    assert huge.start_on == date.min
    weekly = periods(
        start_on=date.min,
        end_on=None,
        anchor="9999-12-31",
        interval=Interval.WEEK,
        count=1,
        zone=zone,
        until=at("0001-01-10T00:00:00Z"),
    )
    assert all(p.end_at == q.start_at for p, q in pairwise(weekly))
