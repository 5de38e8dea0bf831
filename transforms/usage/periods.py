"""Compute billing periods: the boundaries of a contract's pricing as dates, and as the instants that bills go by.

Boundaries are anchor + n × interval for every whole n, clamped to the month's length, always counted from the original
anchor. Everything that needs a period calls this module.
"""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from schemas.frames.instant import INSTANT
from schemas.frames.periods import BILLING_PERIODS, CONTRACT_SCHEDULES
from schemas.vocabulary import Interval
from transforms.usage.anchors import Anchor, anchor_of
from transforms.values.days import LAST_INSTANT, openings, zone_named

_SCHEDULE = ("start_on", "end_on", "anchor", "interval", "interval_count")
"""The columns that periods depend on; contracts with the same values share a schedule, which is computed once."""

_EPOCH = date(1970, 1, 1)

_BEFORE_ALL_DAYS = (date.min - _EPOCH).days - 1

_AFTER_ALL_DAYS = (date.max - _EPOCH).days + 1


@dataclass(frozen=True)
class Schedules:
    """The billing periods of contracts; contracts with the same periods share a schedule.

    contracts: a frame as CONTRACT_SCHEDULES. periods: a frame as BILLING_PERIODS.
    """

    contracts: pl.DataFrame
    periods: pl.DataFrame


def schedules(contracts: pl.DataFrame, pricings: pl.DataFrame, *, zone: str, until: datetime) -> Schedules:
    """Return the periods of every contract's usage pricings, up to and including the one that holds `until`.

    contracts: contract_no, customer_no, plan_no Int32; start_on Date; end_on Date|null; anchor String|null.
    pricings: plan_no Int32; interval String; interval_count Int32; pricings of one interval share their periods.
    The periods of a contract tile it: no gap, no overlap, none empty. A contract that starts after `until` has none.
    Raises ValueError for an end on or before the start, a count below 1 or a bad anchor, ConfigurationError for an unknown
    zone.
    """
    intervals = pricings.select("plan_no", "interval", "interval_count").unique()
    priced = contracts.join(intervals, on="plan_no", how="inner")
    different = priced.select(_SCHEDULE).unique(maintain_order=True).with_row_index("schedule_no")
    scheduled = priced.join(different, on=_SCHEDULE, how="inner", nulls_equal=True)
    return Schedules(
        contracts=scheduled.select(CONTRACT_SCHEDULES.names())
        .cast({"schedule_no": pl.Int32})
        .sort("contract_no", "interval", "interval_count"),
        periods=_tiles(different, zone=zone, until=until),
    )


def _tiles(schedules: pl.DataFrame, *, zone: str, until: datetime) -> pl.DataFrame:
    """Return one row per schedule × period that has any instant and begins by `until`, as BILLING_PERIODS."""
    _refuse_impossible(schedules)
    boundaries = _boundaries(schedules, through=min(until.toordinal() + 2, date.max.toordinal()))
    ends = pl.col("boundary_on").shift(-1).over("schedule_no", order_by="boundary_on")
    dated = boundaries.with_columns(next_on=ends).filter(pl.col("next_on").is_not_null())
    days = pl.concat([dated["boundary_on"], dated["next_on"]]).unique()
    opened = openings(zone_named(zone), days.filter(days <= date.max))
    starts = opened.rename({"opens_at": "period_start"})
    return (
        dated.join(starts, left_on="boundary_on", right_on="day", how="inner")
        .join(opened.rename({"opens_at": "period_end"}), left_on="next_on", right_on="day", how="left")
        .with_columns(
            pl.col("schedule_no").cast(pl.Int32),
            pl.col("period_end").fill_null(LAST_INSTANT),
            period_start_on="boundary_on",
            period_end_on=pl.min_horizontal("next_on", pl.lit(date.max)),
        )
        .filter(
            pl.col("period_start") < pl.col("period_end"),
            pl.col("period_start") <= pl.lit(until, dtype=INSTANT),
        )
        .select(BILLING_PERIODS.names())
        .sort("schedule_no", "period_start")
    )


def _refuse_impossible(schedules: pl.DataFrame) -> None:
    """Raise ValueError for a contract that ends before it begins, and for a count below 1."""
    inverted = schedules.filter(pl.col("end_on") <= pl.col("start_on"))
    if not inverted.is_empty():
        start_on, end_on = inverted.select("start_on", "end_on").row(0)
        raise ValueError(f"a contract cannot end on {end_on}, it starts on {start_on}")
    counts = schedules.filter(pl.col("interval_count") < 1)
    if not counts.is_empty():
        raise ValueError(f"an interval count cannot be {counts['interval_count'][0]}, it is 1 or more")


def _boundaries(schedules: pl.DataFrame, *, through: int) -> pl.DataFrame:
    """Return one row per schedule × date on which a period begins or the last one ends; the date may lie beyond 9999.

    A schedule without an end has boundaries until the first one after the day with the ordinal `through`.
    """
    started = schedules.filter(pl.col("start_on") <= date.fromordinal(through))
    anchors = [anchor_of(*row) for row in started.select("start_on", "anchor").iter_rows()]
    anchored = started.with_columns(**_anchor_columns(anchors))
    counted = anchored.with_columns(
        n=pl.int_ranges(
            _step_holding(pl.col("start_on")), _step_holding(pl.lit(date.fromordinal(through))) + 2
        )
    ).explode("n", empty_as_null=False, keep_nulls=False)
    inner = counted.select("schedule_no", "start_on", "end_on", boundary_on=_boundary()).filter(
        pl.col("boundary_on") > pl.col("start_on"),
        pl.col("end_on").is_null() | (pl.col("boundary_on") < pl.col("end_on")),
    )
    return pl.concat(
        [
            inner.select("schedule_no", "boundary_on"),
            started.select("schedule_no", boundary_on="start_on"),
            started.select("schedule_no", boundary_on="end_on").drop_nulls(),
        ]
    ).unique()


def _step_holding(day: pl.Expr) -> pl.Expr:
    """Return the number n of the last boundary that can lie on or before `day` (by months: in its month)."""
    months = day.dt.year().cast(pl.Int64) * 12 + day.dt.month() - 1 - pl.col("anchor_month")
    days = (day - pl.col("anchor_on")).dt.total_days()
    return pl.when(_is_weekly()).then(days // _step()).otherwise(months // _step())


def _boundary() -> pl.Expr:
    """Return boundary n as a Date; a boundary before year 1 or after 9999 is moved to just outside these years."""
    weekly = (pl.col("anchor_on").cast(pl.Int32).cast(pl.Int64) + pl.col("n") * _step()).clip(
        _BEFORE_ALL_DAYS, _AFTER_ALL_DAYS
    )
    month = (pl.col("anchor_month") + pl.col("n") * _step()).clip(11, 10_000 * 12)
    first = pl.date(month // 12, month % 12 + 1, 1)
    day = pl.min_horizontal(pl.col("anchor_day"), first.dt.days_in_month().cast(pl.Int64))
    monthly = first + pl.duration(days=day - 1)
    return pl.when(_is_weekly()).then(weekly.cast(pl.Int32).cast(pl.Date)).otherwise(monthly.cast(pl.Date))


def _is_weekly() -> pl.Expr:
    return pl.col("interval") == Interval.WEEK


def _step() -> pl.Expr:
    """Return the length of one interval, in days for weeks, else in months."""
    units = pl.col("interval").replace_strict(
        {Interval.WEEK: 7, Interval.MONTH: 1, Interval.YEAR: 12}, return_dtype=pl.Int64
    )
    return units * pl.col("interval_count").cast(pl.Int64)


def _anchor_columns(anchors: list[Anchor]) -> dict[str, pl.Series]:
    return {
        "anchor_month": pl.Series([a.year * 12 + a.month - 1 for a in anchors], dtype=pl.Int64),
        "anchor_day": pl.Series([a.day for a in anchors], dtype=pl.Int64),
        "anchor_on": pl.Series([a.on for a in anchors], dtype=pl.Date),
    }
