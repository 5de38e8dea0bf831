"""Convert days of a billing time zone to instants: each day begins at one and ends where the next begins."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from schemas.errors import ConfigurationError
from schemas.frames.instant import INSTANT

FIRST_INSTANT = datetime.min.replace(tzinfo=UTC)
LAST_INSTANT = datetime.max.replace(tzinfo=UTC)
"""The bounds of events, which lie in the years 1 to 9999; a day or period that lasts longer ends here."""

FUTURE_BOUND = timedelta(hours=1)
"""The time after the import's clock up to which a timestamp is allowed, itself included."""

NEAREST_DAYS: Final = 2
"""The days by which a local day and the UTC day of any of its instants differ at most."""

_SECOND = timedelta(seconds=1)


def latest_at(clock: datetime) -> datetime:
    """Return the latest instant that an event may have at a clock."""
    return min(clock, LAST_INSTANT - FUTURE_BOUND) + FUTURE_BOUND


@cache
def zone_named(name: str) -> ZoneInfo:
    """Return the IANA zone of a name from the pinned ``tzdata``; raise ConfigurationError if there is none.

    The machine's own data is not used: Debian's differs before 1970, and numbers must not depend on the machine.
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
    """Return the first instant (UTC) of a local day; if the zone skipped the day, the first instant after it.

    Of two midnights the earlier counts; if midnight is missing, the end of the gap.
    """
    midnight = datetime.combine(day, time.min, tzinfo=zone)
    earlier = _instant(midnight)
    later = _instant(midnight.replace(fold=1))
    if earlier <= later:
        return earlier
    return _end_of_gap(zone, day, before=later, after=earlier)


def openings(zone: ZoneInfo, days: Iterable[date]) -> pl.DataFrame:
    """Return one row per day: ``day`` Date, ``opens_at`` Datetime us UTC."""
    listed = list(days)
    return pl.DataFrame(
        {"day": listed, "opens_at": [opening(zone, day) for day in listed]},
        schema={"day": pl.Date, "opens_at": INSTANT},
    )


def day_of(zone: str, instant: datetime) -> date:
    """Return the day of a zone in which an instant lies: the last day that opens no later."""
    named = zone_named(zone)
    nearest = range(instant.toordinal() + NEAREST_DAYS, instant.toordinal() - NEAREST_DAYS - 1, -1)
    days = (date.fromordinal(n) for n in nearest if 1 <= n <= date.max.toordinal())
    return next((day for day in days if opening(named, day) <= instant), date.min)


def _instant(local: datetime) -> datetime:
    """Return the instant of a local time, within the bounds of events; ``fold`` picks one of two."""
    offset = local.utcoffset() or timedelta()
    try:
        return local.replace(tzinfo=UTC, fold=0) - offset
    except OverflowError:
        return FIRST_INSTANT if offset > timedelta() else LAST_INSTANT


def _end_of_gap(zone: ZoneInfo, day: date, *, before: datetime, after: datetime) -> datetime:
    """Return the instant at which clocks skipped the midnight of a day: later than ``before``, at most ``after``."""
    while after - before > _SECOND:
        middle = before + (after - before) // 2 // _SECOND * _SECOND
        if middle.astimezone(zone).date() < day:
            before = middle
        else:
            after = middle
    return after
