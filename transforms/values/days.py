"""Days of a billing time zone as instants: where each begins and where the next one does."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from schemas.errors import ConfigurationError

INSTANT: Final = pl.Datetime("us", "UTC")

FIRST_INSTANT = datetime.min.replace(tzinfo=UTC)
LAST_INSTANT = datetime.max.replace(tzinfo=UTC)
"""Events lie in the years 1 to 9999; a day or period that goes on beyond ends here."""

NEAREST_DAYS: Final = 2
"""A local day opens within this of the UTC day of any of its instants."""

_SECOND = timedelta(seconds=1)


@cache
def zone_named(name: str) -> ZoneInfo:
    """The IANA zone of that name, as the pinned ``tzdata`` has it; raises ConfigurationError where there is none.

    Not the machine's own data: Debian's differs before 1970, and numbers must not depend on the machine.
    """
    if name not in _zone_names():
        raise ConfigurationError(
            f"unknown time zone {name!r}; use an IANA name such as 'UTC' or 'America/New_York'"
        )
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


def opening(zone: ZoneInfo, day: date) -> datetime:
    """The first instant (UTC) whose local date is ``day``, or where the zone skipped that day, a later one.

    Of two midnights the earlier; where midnight is missing, the end of the gap.
    """
    midnight = datetime.combine(day, time.min, tzinfo=zone)
    earlier = _instant(midnight)
    later = _instant(midnight.replace(fold=1))
    if earlier <= later:
        return earlier
    return _end_of_gap(zone, day, before=later, after=earlier)


def openings(zone: ZoneInfo, days: Iterable[date]) -> pl.DataFrame:
    """One row per day asked for: ``day`` Date, ``opens_at`` Datetime us UTC."""
    asked = list(days)
    return pl.DataFrame(
        {"day": asked, "opens_at": [opening(zone, day) for day in asked]},
        schema={"day": pl.Date, "opens_at": INSTANT},
    )


def day_of(zone: str, instant: datetime) -> date:
    """The day of a zone that an instant lies on: the last one that opens by then."""
    named = zone_named(zone)
    nearest = range(instant.toordinal() + NEAREST_DAYS, instant.toordinal() - NEAREST_DAYS - 1, -1)
    days = (date.fromordinal(n) for n in nearest if 1 <= n <= date.max.toordinal())
    return next((day for day in days if opening(named, day) <= instant), date.min)


def _instant(local: datetime) -> datetime:
    """The instant of a local time, held within what can be written; ``fold`` picks one of two."""
    offset = local.utcoffset() or timedelta()
    try:
        return local.replace(tzinfo=UTC, fold=0) - offset
    except OverflowError:
        return FIRST_INSTANT if offset > timedelta() else LAST_INSTANT


def _end_of_gap(zone: ZoneInfo, day: date, *, before: datetime, after: datetime) -> datetime:
    """Where the clocks jumped over the midnight of ``day``: after ``before``, at the latest ``after``."""
    while after - before > _SECOND:
        middle = before + (after - before) // 2 // _SECOND * _SECOND
        if middle.astimezone(zone).date() < day:
            before = middle
        else:
            after = middle
    return after
