"""The billing periods of one contract's pricing, and the frames and examples that tests of periods share."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl
from hypothesis import strategies as st

from schemas.vocabulary import Interval
from transforms.usage.periods import schedules

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


@dataclass(frozen=True)
class Period:
    """One period, half-open, as dates and as instants (UTC)."""

    start_on: date
    end_on: date
    start_at: datetime
    end_at: datetime


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def on(text: str) -> date:
    return date.fromisoformat(text)


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
    """Return the periods of one contract's pricing, up to and including the one that holds `until`."""
    contracts = contract_frame([(1, 1, 1, start_on, end_on, anchor)])
    pricings = pricing_frame([(1, 1, 1, str(interval), count)])
    found = schedules(contracts, pricings, zone=zone, until=until).periods
    columns = ("period_start_on", "period_end_on", "period_start", "period_end")
    return [Period(*row) for row in found.select(columns).iter_rows()]


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
    """Return the boundaries of a contract's periods, as text."""
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
