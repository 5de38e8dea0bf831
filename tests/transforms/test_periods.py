"""Billing periods tile their contract, in every zone, for every anchor and interval."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from schemas.vocabulary import Interval
from tests.transforms.calendar_days import day_starts
from transforms.usage.anchors import Anchor, anchor_of
from transforms.usage.coverage import coverages
from transforms.usage.periods import Period, edge, periods, schedules
from transforms.values.days import LAST_INSTANT, opening, zone_named

ZONES = (
    "UTC",
    "America/Los_Angeles",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Santiago",
    "America/Havana",
    "Atlantic/Azores",
    "America/St_Johns",
    "Pacific/Apia",
)
CALENDAR = st.dates(date(1970, 1, 1), date(2100, 12, 31))
ANCHORS = st.one_of(st.none(), CALENDAR.map(str), st.integers(1, 31).map(str))
CLOCKS = st.integers(0, 131 * 366 * 86_400).map(lambda s: datetime.fromtimestamp(s, tz=UTC))
INTERVALS = st.sampled_from(Interval)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def on(text: str) -> date:
    return date.fromisoformat(text)


def shifted(year: int, month: int, day: int, months: int) -> date:
    """Calendar arithmetic the plain way, for comparison."""
    years, zero_based = divmod(month - 1 + months, 12)
    year, month = year + years, zero_based + 1
    return date(year, month, min(day, monthrange(year, month)[1]))


def dates(
    start: str,
    *,
    until: str,
    anchor: str | None = None,
    end: str | None = None,
    interval: Interval = Interval.MONTH,
    count: int = 1,
    zone: str = "UTC",
) -> list[str]:
    """The edges of a contract's periods, as text."""
    found = periods(
        start_on=on(start),
        end_on=on(end) if end else None,
        anchor=anchor,
        interval=interval,
        count=count,
        zone=zone,
        until=at(until),
    )
    return [str(p.start_on) for p in found] + [str(p.end_on) for p in found[-1:]]


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
    """Trap 2: end[n] == start[n+1], none empty, from the contract's first instant to its last or to ``until``."""
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
def test_inner_edges_are_the_anchors_and_all_of_them(
    start_on: date, anchor: str | None, interval: Interval, count: int
) -> None:
    """Between start and clock the cuts are exactly anchor + n × interval, found here by trying every n."""
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
def test_an_edge_never_drifts_from_its_anchor(anchor: date, interval: Interval, count: int) -> None:
    """Trap 1: edge n has the anchor's day wherever the month has it, and else the month's last."""
    for n in range(-5, 60, 5):
        found = edge(anchor, interval=interval, count=count, n=n)
        months = count * n * (12 if interval is Interval.YEAR else 1)
        assert found == shifted(anchor.year, anchor.month, anchor.day, months)


@pytest.mark.parametrize("day", range(1, 32))
def test_anchors_1_to_31_over_60_months(day: int) -> None:
    """Trap 1, in full: every day of month, 60 months on, with and against the calendar."""
    anchor = date(2024, 1, day)
    for n in range(-60, 61):
        expected = shifted(2024, 1, day, n)
        assert edge(anchor, interval=Interval.MONTH, count=1, n=n) == expected
    tiles = dates("2024-01-01", until="2028-12-31T00:00:00Z", anchor=str(day))
    inner = [shifted(2024, 1, day, n) for n in range(61)]
    assert tiles == sorted({"2024-01-01", *(str(d) for d in inner if d > date(2024, 1, 1))})[: len(tiles)]
    assert len(tiles) >= 61


class TestTheExamplesOfTheRules:
    """The cases that the rules of billing periods spell out."""

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


@pytest.mark.parametrize(
    ("start", "anchor", "expected"),
    [
        ("2026-01-10", None, Anchor(2026, 1, 10)),
        ("2026-01-10", "2020-02-29", Anchor(2020, 2, 29)),
        ("2026-01-10", "10", Anchor(2026, 1, 10)),
        ("2026-01-10", "9", Anchor(2026, 2, 9)),
        ("2026-12-10", "9", Anchor(2027, 1, 9)),
        ("2026-02-28", "31", Anchor(2026, 2, 31)),
        ("2026-01-31", "30", Anchor(2026, 2, 30)),
    ],
)
def test_an_anchor_is_a_date_a_day_of_month_or_the_start(
    start: str, anchor: str | None, expected: Anchor
) -> None:
    """A day of month stands for the first such day on or after the start, clamped to its month."""
    assert anchor_of(on(start), anchor) == expected


@pytest.mark.parametrize(
    "anchor", ["0", "32", "", "first", "2026-02-30", "2026-2-3", "20260203", "-1", "٣", "1.0"]
)
def test_a_bad_anchor_raises(anchor: str) -> None:
    """What is neither a date nor a day of month is no anchor."""
    with pytest.raises(ValueError, match="is n"):
        anchor_of(date(2026, 1, 1), anchor)


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
        """Weekly periods over the years of odd clock changes share every edge with the days themselves."""
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
def test_an_instant_at_an_edge_lies_in_the_period_that_begins_there(zone: str) -> None:
    """Trap 5: a microsecond before an edge belongs to the period before; neighbours share nothing."""
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


def test_edges_keep_their_microsecond() -> None:
    """Trap 6: a clock one microsecond before the edge does not open the next period."""
    edges = dates("2026-01-01", until="2026-01-31T23:59:59.999999Z")
    assert edges == ["2026-01-01", "2026-02-01"]
    assert dates("2026-01-01", until="2026-02-01T00:00:00Z")[-1] == "2026-03-01"


def test_a_contract_that_starts_after_the_clock_has_no_period_yet() -> None:
    """Compared as instants, in the billing zone."""
    los_angeles = partial(dates, "2026-03-01", zone="America/Los_Angeles")
    assert los_angeles(until="2026-03-01T07:59:59.999999Z") == []
    assert los_angeles(until="2026-03-01T08:00:00Z") == ["2026-03-01", "2026-04-01"]


def test_the_clock_is_read_in_the_billing_zone() -> None:
    """Where it is February already, though not in Greenwich, February's period is there."""
    apia = partial(dates, "2026-01-01", zone="Pacific/Apia")
    assert apia(until="2026-01-31T10:59:59.999999Z")[-1] == "2026-02-01"
    assert apia(until="2026-01-31T11:00:00Z")[-1] == "2026-03-01"
    assert dates("2026-02-01", zone="Pacific/Apia", until="2026-01-31T11:00:00Z") == [
        "2026-02-01",
        "2026-03-01",
    ]


@pytest.mark.parametrize(("end", "count"), [("2026-01-01", 1), ("2025-12-31", 1), (None, 0), (None, -1)])
def test_inverted_and_empty_periods_raise(end: str | None, count: int) -> None:
    """Trap 8: an end on or before the start, and a count below 1, raise; they are not skipped."""
    with pytest.raises(ValueError, match="cannot"):
        dates("2026-01-01", until="2027-01-01T00:00:00Z", end=end, count=count)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_ends_of_the_calendar_hold(zone: str) -> None:
    """A contract from year 1, one with a century's interval, one in the last month there is."""
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


def contract_frame(rows: list[tuple[int, int, int, date, date | None, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={
            "contract_no": pl.Int32,
            "customer_no": pl.Int32,
            "plan_no": pl.Int32,
            "start_on": pl.Date,
            "end_on": pl.Date,
            "anchor": pl.String,
        },
        orient="row",
    )


def pricing_frame(rows: list[tuple[int, int, int, str, int]]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={
            "pricing_no": pl.Int32,
            "plan_no": pl.Int32,
            "meter_no": pl.Int32,
            "interval": pl.String,
            "interval_count": pl.Int32,
        },
        orient="row",
    )


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
    held = [
        (no, no + 100, plan, start, None if days is None else start + timedelta(days=days), anchor)
        for no, (plan, start, days, anchor) in enumerate(rows)
    ]
    usage = [(no, plan, no + 200, str(unit), count) for no, (plan, unit, count) in enumerate(priced)]
    laid_out = schedules(contract_frame(held), pricing_frame(usage), zone=zone, until=clock)
    placed = laid_out.contracts.join(laid_out.periods, on="schedule_no").select(
        "contract_no", "customer_no", "interval", "interval_count",
        "period_start_on", "period_end_on", "period_start", "period_end",
    ).sort("contract_no", "interval", "interval_count", "period_start")  # fmt: skip
    intervals = sorted({(plan, str(unit), count) for plan, unit, count in priced})
    expected = [
        (contract_no, customer_no, unit, count, p.start_on, p.end_on, p.start_at, p.end_at)
        for contract_no, customer_no, plan, start, end, anchor in held
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
    """No contracts or no pricing: no rows, and the types stand."""
    some = contract_frame([(1, 1, 1, date(2026, 1, 1), None, None)])
    priced = pricing_frame([(1, 1, 1, "MONTH", 1)])
    clock = at("2026-01-01T00:00:00Z")
    full = schedules(some, priced, zone="UTC", until=clock)
    for contracts, pricings in ((some.clear(), priced), (some, priced.clear())):
        empty = schedules(contracts, pricings, zone="UTC", until=clock)
        assert_frame_equal(empty.contracts, full.contracts.clear())
        assert_frame_equal(empty.periods, full.periods.clear())


def test_contracts_laid_out_alike_share_a_schedule() -> None:
    """As many schedules as there are differing calendars, however many contracts."""
    alike = contract_frame([(no, no, 1, date(2026, 1, 1), None, None) for no in range(50)])
    other = contract_frame([(50, 50, 1, date(2026, 1, 2), None, None)])
    priced = pricing_frame([(1, 1, 1, "MONTH", 1), (2, 1, 2, "MONTH", 1), (3, 1, 3, "YEAR", 1)])
    laid_out = schedules(pl.concat([alike, other]), priced, zone="UTC", until=at("2026-06-01T00:00:00Z"))
    assert laid_out.contracts.height == 51 * 2
    assert laid_out.contracts["schedule_no"].n_unique() == 4


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
