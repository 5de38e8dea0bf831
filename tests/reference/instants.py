"""Instants and days: timestamps as texts, local times of a zone, and the first instant of a local date."""

from __future__ import annotations

import functools
import re
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?: ?(Z|z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?))?"
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class NoInstantError(ValueError):
    """The text names no instant."""


def parse_instant(text: str, zone_of_naive: str | None = None) -> datetime:
    """The instant a timestamp names, in UTC, further digits cut; raises NoInstantError."""
    match = TIMESTAMP.fullmatch(text)
    if match is None:
        raise NoInstantError(text)
    year, month, day, hour, minute, second = (int(match[group]) for group in range(1, 7))
    microsecond = int(((match[7] or "") + "000000")[:6])
    try:
        local = datetime(year, month, day, hour, minute, second, microsecond)
        if match[8] is None:
            return _of_zone(local, zone_of_naive)
        return (local - _offset(match[8])).replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise NoInstantError(text) from error


def _offset(text: str) -> timedelta:
    if text in ("Z", "z", "UTC"):
        return timedelta(0)
    digits = text[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or "0"))
    return -size if text[0] == "-" else size


def _of_zone(local: datetime, zone: str | None) -> datetime:
    if zone is None:
        raise NoInstantError("no zone")
    instants = instants_of_local(local, zone)
    if not instants:
        raise NoInstantError("skipped")
    return instants[0]


@functools.cache
def clocks_of(zone: str) -> ZoneInfo:
    """The zone by the pinned data; what the machine knows of it may be older."""
    *folders, name = zone.split("/")
    with resources.files("tzdata.zoneinfo").joinpath(*folders, name).open("rb") as data:
        return ZoneInfo.from_file(data, key=zone)


def instants_of_local(local: datetime, zone: str) -> list[datetime]:
    """Every instant at which the clocks of the zone show this local time, the earlier first."""
    there = clocks_of(zone)
    as_if_utc = local.replace(tzinfo=UTC)
    offsets = set()
    for hours in range(-30, 31):
        offset = (as_if_utc + hours * HOUR).astimezone(there).utcoffset()
        assert offset is not None
        offsets.add(offset)
    found = {as_if_utc - offset for offset in offsets}
    return sorted(at for at in found if at.astimezone(there).replace(tzinfo=None) == local)


@functools.cache
def day_start(zone: str, day: date) -> datetime:
    """The first instant whose local date is `day` or, where the zone skipped that day, a later one.

    Walks forward in time: hour by hour, minute by minute where something happens, then second by second.
    """
    there = clocks_of(zone)
    hour = datetime(day.year, day.month, day.day, tzinfo=UTC) - 30 * HOUR
    while True:
        quiet = hour.astimezone(there).utcoffset() == (hour + HOUR).astimezone(there).utcoffset()
        if not (quiet and (hour + HOUR).astimezone(there).date() < day):
            for minute in range(61):
                at = hour + minute * MINUTE
                if at.astimezone(there).date() >= day:
                    while (at - SECOND).astimezone(there).date() >= day:
                        at -= SECOND
                    return at
        hour += HOUR


def from_epoch(count: int, unit: str) -> datetime:
    """The instant that many seconds, milliseconds or microseconds after 1970."""
    microseconds = count * {"s": 1_000_000, "ms": 1_000, "us": 1}[unit]
    return EPOCH + timedelta(microseconds=microseconds)


def to_microseconds(at: datetime) -> int:
    """Whole microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)


def show(at: datetime) -> str:
    """As lines show instants: whole seconds, or six decimals where there are any."""
    text = f"{at.year:04d}-{at.month:02d}-{at.day:02d}T{at.hour:02d}:{at.minute:02d}:{at.second:02d}"
    return f"{text}.{at.microsecond:06d}Z" if at.microsecond else f"{text}Z"
