"""Timestamps: ISO 8601 with an offset, to the microsecond; everything else is none."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_FLOOR, Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.rows.timestamps import TimestampForm, format_problem, read_instants
from transforms.values.days import zone_named

ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "Africa/Cairo", "America/Havana", "Atlantic/Azores", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu"]  # fmt: skip


def instant(text: str | None, **form: str) -> datetime | None:
    at: datetime | None = read_instants(pl.Series([text], dtype=pl.String), TimestampForm(**form))["at"][0]
    return at


def is_doubled(text: str, **form: str) -> bool:
    return bool(read_instants(pl.Series([text]), TimestampForm(**form))["is_doubled"][0])


@settings(deadline=None)
@given(
    st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)),
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
    st.sampled_from(["T", "t", " "]),
    st.sampled_from(["", " "]),
    st.sampled_from(["", ":"]),
    st.text("0123456789", max_size=12),
)
def test_every_spelling_of_an_instant_is_read(
    local: datetime, minutes: int, between: str, space: str, colon: str, further: str
) -> None:
    """All allowed spellings of date, time, fraction and offset are read; digits after the microsecond are cut."""
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    offset = f"{sign}{size // 60:02}{colon}{size % 60:02}"
    text = f"{local:%H:%M:%S}.{local.microsecond:06}{further}{space}{offset}"
    expected = local.replace(tzinfo=timezone(timedelta(minutes=minutes))).astimezone(UTC)
    assert instant(f"{local.year:04}-{local:%m-%d}{between}{text}") == expected


@pytest.mark.parametrize("zone", ["Z", "z", "UTC", "+00", "-00:00", "+0000", " Z", " UTC", " +00"])
def test_spellings_of_utc(zone: str) -> None:
    """Z, z, UTC and every offset of zero are allowed, after at most one space."""
    assert instant(f"2024-02-29T23:59:59{zone}") == datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01", "2024-01-01T00:00Z", "2024-01-01T00:00:00", "2024-01-01T24:00:00Z", "2024-01-01T23:59:60Z", "2024-01-01T00:60:00Z",
        "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2024-04-31T00:00:00Z", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z",
        "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00,5Z", "2024-01-01T00:00:00  Z", "2024-01-01  00:00:00Z", " 2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z ",
        "2024-01-01T00:00:00utc", "2024-01-01T00:00:00 GMT", "2024-01-01T00:00:00+1", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+00:60", "2024-01-01T00:00:00+01:00:00",
        "20240101T000000Z", "24-01-01T00:00:00Z", "12024-01-01T00:00:00Z", "-2024-01-01T00:00:00Z", "2024-1-1T00:00:00Z", "2024-W01-1T00:00:00Z", "2024-001T00:00:00Z",
        "01/02/2024 00:00:00", "1700000000", "now", "２０２４-01-01T00:00:00Z", "2024-01-01T00:00:00\nZ", "2024-01-01T00:00:00Z\n", "2024-01-01_00:00:00Z",
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "0000-12-31T00:00:00Z", "9999-12-31T23:59:60Z", "2024-01-01T00:00:00Europe/Berlin", "2024-01-01T00:00:00Z[UTC]",
    ],
)  # fmt: skip
def test_everything_else_is_no_timestamp(text: str) -> None:
    """Nothing is guessed: no seconds, hour 24, second 60, a date alone, no zone, no such day, outside the years 1–9999."""
    assert instant(text) is None


def test_the_first_and_the_last_instant() -> None:
    """The years 1–9999 are those of the instant in UTC, to the microsecond."""
    assert instant("0001-01-01T00:00:00Z") == datetime(1, 1, 1, tzinfo=UTC)
    assert instant("0000-12-31T23:30:00-01:00") == datetime(1, 1, 1, 0, 30, tzinfo=UTC)
    assert instant("9999-12-31T23:59:59.9999999Z") == datetime.max.replace(tzinfo=UTC)


def test_digits_are_cut_not_rounded() -> None:
    """23:59:59.999999… stays in its day, whatever digits follow."""
    assert instant("2024-01-31T23:59:59.999999999999Z") == datetime(
        2024, 1, 31, 23, 59, 59, 999999, tzinfo=UTC
    )


@settings(deadline=None)
@given(
    st.lists(st.datetimes(datetime(1880, 1, 1), datetime(2100, 1, 1)), max_size=20), st.sampled_from(ZONES)
)
def test_a_local_time_is_the_earlier_of_its_instants(local: list[datetime], zone: str) -> None:
    """A skipped time is no timestamp, a doubled one is the earlier and marked, as in Python's calendar with the same zones."""
    assert_like_python(local, zone)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("America/Los_Angeles", "2024-03-10"), ("America/Los_Angeles", "2024-11-03"), ("Australia/Lord_Howe", "2024-04-07"), ("Australia/Lord_Howe", "2024-10-06"), ("Africa/Cairo", "2024-04-26"), ("Africa/Cairo", "2024-10-31"), ("America/Havana", "2024-11-03"), ("America/Havana", "2026-11-01"), ("Atlantic/Azores", "2024-10-27"), ("America/St_Johns", "2010-11-07"), ("Pacific/Apia", "2011-12-30"), ("Pacific/Apia", "2011-12-29"), ("Europe/Berlin", "2024-10-27")],
)  # fmt: skip
def test_days_on_which_clocks_are_changed(zone: str, day: str) -> None:
    """Every quarter of an hour of such a day, the day before and the day after agrees with Python."""
    first = datetime.fromisoformat(day) - timedelta(days=1)
    assert_like_python([first + timedelta(minutes=15 * quarter) for quarter in range(3 * 96)], zone)


def assert_like_python(locals_: list[datetime], zone: str) -> None:
    texts = pl.Series([local.isoformat(" ", timespec="microseconds") for local in locals_])
    read = read_instants(texts, TimestampForm(time_zone=zone)).rows()
    assert read == [by_python(local, zone) for local in locals_]


def by_python(local: datetime, zone: str) -> tuple[datetime | None, bool]:
    first = local.replace(tzinfo=zone_named(zone)).astimezone(UTC)
    second = local.replace(tzinfo=zone_named(zone), fold=1).astimezone(UTC)
    is_real = first.astimezone(zone_named(zone)).replace(tzinfo=None) == local
    return (min(first, second), first != second) if is_real else (None, False)


def test_an_offset_beats_the_zone_of_the_mapping() -> None:
    """A mapping's zone is only for timestamps without an offset."""
    assert instant("2024-01-01T00:00:00+02:00", time_zone="Asia/Tokyo") == datetime(
        2023, 12, 31, 22, tzinfo=UTC
    )
    assert instant("2024-01-01T00:00:00", time_zone="Asia/Tokyo") == datetime(2023, 12, 31, 15, tzinfo=UTC)
    assert not is_doubled("2024-10-27T02:30:00+02:00", time_zone="Europe/Berlin")
    assert is_doubled("2024-10-27T02:30:00", time_zone="Europe/Berlin")


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_local_times_at_the_ends_of_time(zone: str) -> None:
    """A local time with an instant outside the years 1–9999 is no timestamp, and raises no error."""
    for text in ("0001-01-01T00:00:00", "9999-12-31T23:59:59", "0000-01-01T00:00:00"):
        at = instant(text, time_zone=zone)
        assert at is None or at.year in {1, 9999}


@given(st.decimals(-(10**10), 10**10, places=9, allow_nan=False), st.sampled_from(["s", "ms", "us"]))
def test_epoch_numbers_are_exact(number: Decimal, unit: str) -> None:
    """Numbers pass through no double; digits below a microsecond are cut downwards."""
    scale = {"s": 10**6, "ms": 10**3, "us": 1}[unit]
    micros = int((number * scale).to_integral_value(ROUND_FLOOR))
    assert instant(str(number), unit=unit) == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        microseconds=micros
    )


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("1700000000", "s", "2023-11-14T22:13:20+00:00"), ("1700000000.123456789", "s", "2023-11-14T22:13:20.123456+00:00"), ("1.7e9", "s", "2023-11-14T22:13:20+00:00"),
        ("1700000000123", "ms", "2023-11-14T22:13:20.123000+00:00"), ("253402300799999999", "us", "9999-12-31T23:59:59.999999+00:00"),
        ("253402300800", "s", None), ("1700000000123", "s", None), ("1e400", "s", None), ("1" * 5000, "s", None), ("01", "s", None), ("2024-01-01T00:00:00Z", "s", None),
        ("NaN", "s", None), ("+1", "s", None), ("true", "s", None), ("-62135596800", "s", "0001-01-01T00:00:00+00:00"), ("-62135596801", "s", None),
    ],
)  # fmt: skip
def test_epoch_numbers(text: str, unit: str, expected: str | None) -> None:
    """Only JSON numbers within the years 1–9999; seconds taken for milliseconds leave that range or land in 1970."""
    at = instant(text, unit=unit)
    assert (at.isoformat() if at else None) == expected


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("31/12/2024 23:59:59", "%d/%m/%Y %H:%M:%S", "2024-12-31T23:59:59"), ("1/2/2024 3:04:05", "%d/%m/%Y %H:%M:%S", "2024-02-01T03:04:05"),
        ("12/31/2024 12:00:00 AM", "%m/%d/%Y %I:%M:%S %p", "2024-12-31T00:00:00"), ("12/31/2024 12:00:00 pm", "%m/%d/%Y %I:%M:%S %p", "2024-12-31T12:00:00"),
        ("20241231235959", "%Y%m%d%H%M%S", "2024-12-31T23:59:59"), ("31 Dec 2024 00:00:00.1234567", "%d %b %Y %H:%M:%S.%f", "2024-12-31T00:00:00.123456"),
        ("31 december 2024 00:00:00", "%d %B %Y %H:%M:%S", "2024-12-31T00:00:00"), ("2024-12-31T00:00:00+0200", "%Y-%m-%dT%H:%M:%S%z", "2024-12-30T22:00:00"),
        ("100% 2024-12-31 00:00:00", "100%% %Y-%m-%d %H:%M:%S", "2024-12-31T00:00:00"), ("(2024).12[31] 00:00:00", "(%Y).%m[%d] %H:%M:%S", "2024-12-31T00:00:00"),
        ("31/13/2024 00:00:00", "%d/%m/%Y %H:%M:%S", None), ("13/1/2024 13:00:00 PM", "%d/%m/%Y %I:%M:%S %p", None), ("2024115000000", "%Y%m%d%H%M%S", None),
        ("2024-12-31 00:00:00 ", "%Y-%m-%d %H:%M:%S", None), ("31 Foo 2024 00:00:00", "%d %b %Y %H:%M:%S", None),
    ],
)  # fmt: skip
def test_formats(text: str, form: str, expected: str | None) -> None:
    """A mapping's format must match the whole text; any other text is no timestamp."""
    at = instant(text, format=form, time_zone="UTC")
    assert at == (None if expected is None else datetime.fromisoformat(expected).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "form", ["", "%Y-%m-%d", "%H:%M:%S", "%Y-%m-%d %H:%M:%S %q", "%y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S %Y", "%Y-%m-%d %b %H:%M:%S", "%Y-%m-%d %I:%M:%S", "%Y-%m-%d %H:%M:%S %"]
)  # fmt: skip
def test_formats_without_a_whole_instant_are_refused(form: str) -> None:
    """The mapping is refused before any row is read."""
    assert format_problem(form) is not None
