"""Days of a billing zone begin at their first instant and end where the next existing day begins."""

import struct
from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigurationError
from tests.transforms.calendar_days import day_starts
from transforms.values.days import FIRST_INSTANT, LAST_INSTANT, day_of, opening, zone_named

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
    "Pacific/Kwajalein",
    "Europe/Amsterdam",
    "America/Juneau",
    "Africa/Monrovia",
    "America/Toronto",
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def starts(zone: str, first: str, last: str) -> dict[str, datetime]:
    days = day_starts(zone, first=date.fromisoformat(first), last=date.fromisoformat(last))
    return {str(day): start_at for day, start_at in days.select("day", "start_at").iter_rows()}


def transitions(zone: str) -> tuple[list[int], list[int]]:
    """Return when the zone's clocks changed, in seconds since 1970, and the offset after each change."""
    data = resources.files("tzdata.zoneinfo").joinpath(zone).read_bytes()
    skipped = struct.unpack(">6l", data[20:44])
    at = 44 + skipped[3] * 5 + skipped[4] * 6 + skipped[5] + skipped[2] * 8 + skipped[1] + skipped[0]
    _, _, _, count, kinds, _ = struct.unpack(">6l", data[at + 20 : at + 44])
    at += 44
    moments = struct.unpack(f">{count}q", data[at : at + 8 * count])
    used = data[at + 8 * count : at + 9 * count]
    at += 9 * count
    offsets = [struct.unpack(">l", data[at + 6 * k : at + 6 * k + 4])[0] for k in range(kinds)]
    kept = [(m, offsets[u]) for m, u in zip(moments, used, strict=True) if m > -5_000_000_000]
    return [-10_000_000_000, *(m for m, _ in kept)], [offsets[0], *(o for _, o in kept)]


def first_instant(zone: str, day: date) -> datetime | None:
    """Return the first instant whose local date is ``day`` or later, by the pieces of constant offset."""
    moments, offsets = transitions(zone)
    midnight = (day - EPOCH.date()).days * 86_400
    begin = max(0, bisect_right(moments, midnight - 4 * 86_400) - 1)
    for moment, end, offset in zip(moments[begin:], moments[begin + 1 :], offsets[begin:], strict=False):
        reached = max(moment, midnight - offset)
        if reached < end:
            return EPOCH + timedelta(seconds=reached)
    return None


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_begins_at_its_first_instant_around_every_change_of_the_clocks(zone: str) -> None:
    """Seven days around every change in the time-zone data agree with the pieces of constant offset."""
    changes = [(EPOCH + timedelta(seconds=m)).date() for m in transitions(zone)[0][1:]]
    days = {change + timedelta(days=k) for change in changes for k in range(-3, 4)}
    expected = {day: first_instant(zone, day) for day in days}
    known = {day: moment for day, moment in expected.items() if moment is not None}
    assert {day: opening(zone_named(zone), day) for day in known} == known


@given(st.sampled_from(ZONES), st.dates(date(1840, 1, 1), date(2120, 1, 1)), st.integers(0, 900))
def test_days_tile(zone: str, first: date, more: int) -> None:
    """Each day ends where the next one begins, and all dates differ."""
    days = day_starts(zone, first=first, last=first + timedelta(days=more))
    assert all(a == b for a, b in zip(days["end_at"][:-1], days["start_at"][1:], strict=True))
    assert (days["start_at"] < days["end_at"]).all()
    assert all(a < b for a, b in pairwise(days["day"]))


@given(st.sampled_from(ZONES), st.integers(-4_000_000_000, 4_600_000_000))
def test_every_instant_lies_on_one_day_and_a_day_opens_on_its_own_date(zone: str, second: int) -> None:
    """Exactly one day around an instant contains it, and each day begins with its own local date."""
    instant = EPOCH + timedelta(seconds=second)
    around = day_starts(zone, first=(instant - timedelta(3)).date(), last=(instant + timedelta(3)).date())
    holding = around.filter(pl.col("start_at") <= instant, pl.col("end_at") > instant)
    assert holding["day"].to_list() == [day_of(zone, instant)]
    for day, start_at in around.select("day", "start_at").iter_rows():
        assert start_at.astimezone(zone_named(zone)).date() == day


class TestDaylightSaving:
    """Trap 3: the days on which clocks change at or around midnight."""

    def test_los_angeles_has_a_day_of_23_and_one_of_25_hours(self) -> None:
        """Where midnight itself is untouched, the day is merely shorter or longer."""
        spring = day_starts("America/Los_Angeles", first=date(2026, 3, 8), last=date(2026, 3, 8))
        autumn = day_starts("America/Los_Angeles", first=date(2026, 11, 1), last=date(2026, 11, 1))
        assert (spring["end_at"] - spring["start_at"]).to_list() == [timedelta(hours=23)]
        assert (autumn["end_at"] - autumn["start_at"]).to_list() == [timedelta(hours=25)]

    def test_lord_howe_moves_by_half_an_hour(self) -> None:
        """A day of 24 hours and a half."""
        autumn = day_starts("Australia/Lord_Howe", first=date(2026, 4, 5), last=date(2026, 4, 5))
        assert (autumn["end_at"] - autumn["start_at"]).to_list() == [timedelta(hours=24, minutes=30)]

    def test_where_midnight_is_missing_the_day_begins_at_the_end_of_the_gap(self) -> None:
        """Cairo and Santiago go from 00:00 to 01:00."""
        assert starts("Africa/Cairo", "2024-04-26", "2024-04-26") == {
            "2024-04-26": at("2024-04-25T22:00:00Z")
        }
        assert starts("America/Santiago", "2024-09-08", "2024-09-08") == {
            "2024-09-08": at("2024-09-08T04:00:00Z")
        }

    def test_a_gap_that_begins_before_midnight_moves_the_day_to_its_end(self) -> None:
        """Toronto, 30 March 1919: 23:30 became 00:30, so the 31st began half an hour into itself."""
        assert starts("America/Toronto", "1919-03-31", "1919-03-31") == {
            "1919-03-31": at("1919-03-31T04:30:00Z")
        }

    def test_of_two_midnights_the_earlier_begins_the_day(self) -> None:
        """Havana and the Azores go back from 01:00 to 00:00."""
        assert starts("America/Havana", "2024-11-03", "2024-11-03") == {
            "2024-11-03": at("2024-11-03T04:00:00Z")
        }
        assert starts("Atlantic/Azores", "2024-10-27", "2024-10-27") == {
            "2024-10-27": at("2024-10-27T00:00:00Z")
        }

    def test_dates_that_run_backwards_do_not_reopen_a_day(self) -> None:
        """St John's, 7 November 2010: 00:01 became 23:01 of the day before; that hour belongs to the 7th."""
        assert starts("America/St_Johns", "2010-11-06", "2010-11-08") == {
            "2010-11-06": at("2010-11-06T02:30:00Z"),
            "2010-11-07": at("2010-11-07T02:30:00Z"),
            "2010-11-08": at("2010-11-08T03:30:00Z"),
        }

    def test_a_day_that_the_zone_skipped_does_not_exist(self) -> None:
        """Apia had no 30 December 2011: the 29th ends where the 31st begins."""
        assert starts("Pacific/Apia", "2011-12-29", "2011-12-31") == {
            "2011-12-29": at("2011-12-29T10:00:00Z"),
            "2011-12-31": at("2011-12-30T10:00:00Z"),
        }
        assert starts("Pacific/Apia", "2011-12-30", "2011-12-30") == {}


def test_a_zone_is_a_name_and_not_an_offset() -> None:
    """Trap 4: one name, two offsets over the year."""
    days = starts("Europe/Berlin", "2026-01-01", "2026-07-01")
    assert days["2026-01-01"] == at("2025-12-31T23:00:00Z")
    assert days["2026-07-01"] == at("2026-06-30T22:00:00Z")


def test_offsets_before_zones_existed_keep_their_seconds() -> None:
    """Until 1972 Monrovia was 44 minutes and 30 seconds behind UTC."""
    (opened,) = starts("Africa/Monrovia", "1971-12-01", "1971-12-01").values()
    assert opened == at("1971-12-01T00:44:30Z")


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "UTC", "America/New_York", "Pacific/Apia"])
def test_the_first_and_the_last_day_of_the_calendar_are_days(zone: str) -> None:
    """Instants outside the years 1 to 9999 are moved to the bounds; nothing overflows."""
    first = day_starts(zone, first=date.min, last=date.min + timedelta(1))
    last = day_starts(zone, first=date.max - timedelta(1), last=date.max)
    assert first["start_at"][0] >= FIRST_INSTANT
    assert first["end_at"][0] == first["start_at"][1]
    assert last["day"].to_list() == [date.max - timedelta(1), date.max]
    assert last["end_at"][1] == LAST_INSTANT
    assert day_of(zone, FIRST_INSTANT) == date.min
    assert day_of(zone, LAST_INSTANT) == date.max


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "America", "+02:00", "a\x00b"])
def test_an_unknown_zone_is_named(name: str) -> None:
    """Any other name is refused in one line with examples of zones."""
    with pytest.raises(ConfigurationError, match="use an IANA name"):
        zone_named(name)
