"""The days of a zone one by one, as a calendar lists them, from where each of them opens."""

from datetime import date

import polars as pl

from schemas.frames.instant import INSTANT
from transforms.values.days import LAST_INSTANT, openings, zone_named


def day_starts(zone: str, *, first: date, last: date) -> pl.DataFrame:
    """One row per existing day from `first` to `last`: day, start_at, end_at; a day that the zone skipped is absent."""
    ordinals = range(first.toordinal(), min(last.toordinal() + 1, date.max.toordinal()) + 1)
    opened = openings(zone_named(zone), map(date.fromordinal, ordinals))
    ends = pl.col("opens_at").shift(-1).fill_null(pl.lit(LAST_INSTANT, dtype=INSTANT))
    return opened.select("day", start_at="opens_at", end_at=ends).filter(
        pl.col("day") <= last, pl.col("start_at") < pl.col("end_at")
    )
