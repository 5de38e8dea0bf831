"""Compute billing periods: the boundaries of a contract's pricing as dates, and as the instants that bills go by.

Boundaries are anchor + n × interval for every whole n, clamped to the month's length, always counted from the original
anchor. Everything that needs a period asks this module.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from schemas.frames.instant import INSTANT
from schemas.vocabulary import Interval
from transforms.usage.anchors import Anchor, anchor_of, anchored
from transforms.values.days import LAST_INSTANT, openings, zone_named

_SCHEDULE = ("start_on", "end_on", "anchor", "interval", "interval_count")
"""What a run of periods depends on; contracts share them, so each is laid out once."""

_EPOCH = date(1970, 1, 1)

_BEFORE_ALL_DAYS = (date.min - _EPOCH).days - 1

_AFTER_ALL_DAYS = (date.max - _EPOCH).days + 1


@dataclass(frozen=True)
class Period:
    """One period, half-open, as dates and as instants (UTC)."""

    start_on: date
    end_on: date
    start_at: datetime
    end_at: datetime


@dataclass(frozen=True)
class Schedules:
    """The periods of contracts; those that are laid out alike share a schedule.

    contracts: one row per contract × interval of its usage pricings: contract_no, customer_no Int32; interval String;
    interval_count, schedule_no Int32. periods: one row per schedule × period: schedule_no Int32; period_start, period_end
    Datetime us UTC, half-open; period_start_on, period_end_on Date.
    """

    contracts: pl.DataFrame
    periods: pl.DataFrame


def edge(anchor: Anchor | date, *, interval: Interval, count: int, n: int) -> date:
    """Edge ``n`` (negative too) of an anchor; held within the years 1 to 9999."""
    origin = anchored(anchor) if isinstance(anchor, date) else anchor
    row = pl.DataFrame({"interval": [str(interval)], "interval_count": [count], "n": [n]})
    days = row.with_columns(**_anchor_columns([origin])).select(_edge().cast(pl.Int32)).item()
    return _EPOCH + timedelta(days=min(max(days, _BEFORE_ALL_DAYS + 1), _AFTER_ALL_DAYS - 1))


def periods(
    *,
    start_on: date,
    end_on: date | None,
    anchor: str | None,
    interval: Interval,
    count: int,
    zone: str,
    until: datetime,
) -> list[Period]:
    """The periods of one contract's pricing, up to and including the one that holds ``until``.

    They tile the contract: no gap, no overlap, none empty. Raises ValueError for an end on or before the start, a
    count below 1 or a bad anchor, ConfigurationError for an unknown zone.
    """
    schedule = pl.DataFrame(
        {
            "start_on": [start_on],
            "end_on": [end_on],
            "anchor": [anchor],
            "interval": [str(interval)],
            "interval_count": [count],
        },
        schema={
            "start_on": pl.Date,
            "end_on": pl.Date,
            "anchor": pl.String,
            "interval": pl.String,
            "interval_count": pl.Int32,
        },
    )
    tiles = _tiles(schedule.with_row_index("schedule_no"), zone=zone, until=until)
    columns = ("period_start_on", "period_end_on", "period_start", "period_end")
    return [Period(*row) for row in tiles.select(columns).iter_rows()]


def schedules(contracts: pl.DataFrame, pricings: pl.DataFrame, *, zone: str, until: datetime) -> Schedules:
    """The periods of every contract's usage pricings, up to the one that holds ``until``.

    contracts: contract_no, customer_no, plan_no Int32; start_on Date; end_on Date|null; anchor String|null.
    pricings: plan_no Int32; interval String; interval_count Int32; pricings of one interval share their periods.
    A contract that starts after ``until`` has no period. Raises as ``periods`` does.
    """
    intervals = pricings.select("plan_no", "interval", "interval_count").unique()
    priced = contracts.join(intervals, on="plan_no", how="inner")
    different = priced.select(_SCHEDULE).unique(maintain_order=True).with_row_index("schedule_no")
    return Schedules(
        contracts=priced.join(different, on=_SCHEDULE, how="inner", nulls_equal=True)
        .select(
            "contract_no", "customer_no", "interval", "interval_count", pl.col("schedule_no").cast(pl.Int32)
        )
        .sort("contract_no", "interval", "interval_count"),
        periods=_tiles(different, zone=zone, until=until).with_columns(pl.col("schedule_no").cast(pl.Int32)),
    )


def _tiles(schedules: pl.DataFrame, *, zone: str, until: datetime) -> pl.DataFrame:
    """One row per schedule × period that has any instant and begins by ``until``."""
    _refuse_impossible(schedules)
    cuts = _cuts(schedules, through=min(until.toordinal() + 2, date.max.toordinal()))
    ends = pl.col("cut_on").shift(-1).over("schedule_no", order_by="cut_on")
    dated = cuts.with_columns(next_on=ends).filter(pl.col("next_on").is_not_null())
    days = pl.concat([dated["cut_on"], dated["next_on"]]).unique()
    opened = openings(zone_named(zone), days.filter(days <= date.max))
    return (
        dated.join(opened.rename({"opens_at": "period_start"}), left_on="cut_on", right_on="day", how="inner")
        .join(opened.rename({"opens_at": "period_end"}), left_on="next_on", right_on="day", how="left")
        .with_columns(pl.col("period_end").fill_null(LAST_INSTANT))
        .filter(
            pl.col("period_start") < pl.col("period_end"),
            pl.col("period_start") <= pl.lit(until, dtype=INSTANT),
        )
        .select(
            "schedule_no",
            "period_start",
            "period_end",
            period_start_on="cut_on",
            period_end_on=pl.min_horizontal("next_on", pl.lit(date.max)),
        )
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


def _cuts(schedules: pl.DataFrame, *, through: int) -> pl.DataFrame:
    """One row per schedule × date where a period begins or the last one ends; ``cut_on`` may lie beyond 9999.

    A rolling schedule is cut until one edge after the day with the ordinal ``through``.
    """
    started = schedules.filter(pl.col("start_on") <= date.fromordinal(through))
    anchors = [anchor_of(*row) for row in started.select("start_on", "anchor").iter_rows()]
    anchored = started.with_columns(**_anchor_columns(anchors))
    counted = anchored.with_columns(
        n=pl.int_ranges(
            _step_holding(pl.col("start_on")), _step_holding(pl.lit(date.fromordinal(through))) + 2
        )
    ).explode("n", empty_as_null=False, keep_nulls=False)
    edges = counted.select("schedule_no", "start_on", "end_on", cut_on=_edge()).filter(
        pl.col("cut_on") > pl.col("start_on"),
        pl.col("end_on").is_null() | (pl.col("cut_on") < pl.col("end_on")),
    )
    return pl.concat(
        [
            edges.select("schedule_no", "cut_on"),
            started.select("schedule_no", cut_on="start_on"),
            started.select("schedule_no", cut_on="end_on").drop_nulls(),
        ]
    ).unique()


def _step_holding(day: pl.Expr) -> pl.Expr:
    """The number of the last edge that can lie on or before ``day`` (by months: in its month)."""
    months = day.dt.year().cast(pl.Int64) * 12 + day.dt.month() - 1 - pl.col("anchor_month")
    days = (day - pl.col("anchor_on")).dt.total_days()
    return pl.when(_is_weekly()).then(days // _step()).otherwise(months // _step())


def _edge() -> pl.Expr:
    """Edge ``n`` as a Date; one before year 1 or after 9999 lies just outside them."""
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
    """One interval, in days for weeks, else in months."""
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
