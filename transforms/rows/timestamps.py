"""Read timestamps, in ISO 8601 or as a mapping says, as UTC instants of whole microseconds."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import polars as pl

from schemas.frames.instant import INSTANT
from transforms.values.days import zone_named
from transforms.values.numbers import is_json_number, plain_decimal

_OFFSET = r"(?:Z|z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)"
ISO_8601 = (
    r"^(?<year>[0-9]{4})-(?<month>[0-9]{2})-(?<day>[0-9]{2})[Tt ]"
    r"(?<hour>[0-9]{2}):(?<minute>[0-9]{2}):(?<second>[0-9]{2})(?:\.(?<fraction>[0-9]+))?"
    rf"(?: ?(?<offset>{_OFFSET}))?$"
)
"""The only form that is read without a mapping's ``format``; without an offset it needs a mapping's ``time_zone``."""

DIRECTIVES = {
    "Y": r"(?<year>[0-9]{4})",
    "m": r"(?<month>[0-9]{1,2})",
    "d": r"(?<day>[0-9]{1,2})",
    "H": r"(?<hour>[0-9]{1,2})",
    "I": r"(?<half_hour>[0-9]{1,2})",
    "M": r"(?<minute>[0-9]{1,2})",
    "S": r"(?<second>[0-9]{1,2})",
    "f": r"(?<fraction>[0-9]+)",
    "p": r"(?<half>[AaPp][Mm])",
    "b": r"(?<month_name>[A-Za-z]{3})",
    "B": r"(?<month_name>[A-Za-z]{3,9})",
    "z": rf"(?<offset>{_OFFSET})",
    "%": "%",
}
"""The directives of a mapping's ``format``, without the per cent sign.

``%f`` is any number of digits; ``%b`` and ``%B`` are English; a number next to another number needs two digits.
"""

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_SECOND, _DAY = 1_000_000, 86_400_000_000
_FIRST, _END = -62_135_596_800 * _SECOND, 253_402_300_800 * _SECOND
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a local time is meant


@dataclass(frozen=True)
class TimestampForm:
    """The form of a source's timestamps: a unit of epoch numbers, a format, or neither (ISO 8601); the zone of naive ones."""

    unit: str | None = None
    format: str | None = None
    time_zone: str | None = None


def read_instants(texts: pl.Series, form: TimestampForm) -> pl.DataFrame:
    """Return one row per text: ``at`` Datetime us UTC, null if the text is no timestamp, and ``is_doubled`` Boolean.

    ``is_doubled`` marks a local time that occurred twice; the earlier instant is taken. Digits beyond the microsecond
    are cut; an instant outside the years 1–9999 is no timestamp.
    """
    if form.unit is not None:
        micros, doubled = _epoch_micros(texts, form.unit), pl.Series([False], dtype=pl.Boolean)
    else:
        micros, doubled = _calendar_micros(texts, form)
    frame = pl.DataFrame({"at": micros}).with_columns(
        at=pl.when(pl.col("at").is_between(_FIRST, _END, closed="left")).then(pl.col("at")).cast(INSTANT)
    )
    return frame.with_columns(is_doubled=doubled if len(doubled) == len(frame) else pl.lit(False))


def format_problem(form: str) -> str | None:
    """Return what is wrong with a mapping's ``format``, or None."""
    names = re.findall(r"%(.?)", form, re.DOTALL)
    unknown = next((name for name in names if name not in DIRECTIVES), None)
    if unknown is not None:
        return f"%{unknown} is not understood; allowed are {', '.join('%' + name for name in DIRECTIVES)}"
    found = set(names)
    if (
        len(found - {"%"}) < len([name for name in names if name != "%"])
        or {"b", "B"} <= found
        or {"m", "b"} <= found
    ):
        return "a part of the time is said twice"
    has_date = {"Y", "d"} <= found and found & {"m", "b", "B"}
    has_time = {"M", "S"} <= found and ("H" in found) != ({"I", "p"} <= found)
    return None if has_date and has_time else "it needs %Y, %m or %b, %d, %H (or %I and %p), %M and %S"


def _calendar_micros(texts: pl.Series, form: TimestampForm) -> tuple[pl.Series, pl.Series]:
    """Return UTC microseconds since the epoch, and whether each is of a doubled local time."""
    pattern = ISO_8601 if form.format is None else _pattern(form.format)
    parts = pl.DataFrame({"parts": texts.cast(pl.String).str.extract_groups(pattern)}).unnest("parts")
    if "offset" not in parts.columns:
        parts = parts.with_columns(offset=pl.lit(None, pl.String))
    # A lazy query converts each part once, although several expressions use it: this takes half of the time.
    query = parts.lazy().select(local=_local_micros(parts.columns), offset=_offset_micros())
    local, offset = query.collect(engine="in-memory")
    shifted = local - offset
    if form.time_zone is None:
        return shifted, pl.Series([False])
    is_naive = local.is_not_null() & parts["offset"].is_null()
    if not is_naive.any():
        return shifted, pl.Series([False])
    zoned = _zoned(local.filter(is_naive), form.time_zone)
    places = is_naive.arg_true()
    doubled = pl.zeros(len(texts), pl.Boolean, eager=True).scatter(places, zoned["is_doubled"])
    return shifted.scatter(places, zoned["at"]), doubled


def _pattern(form: str) -> str:
    """Return a format as a regular expression with the groups of ``ISO_8601``."""
    pieces = re.findall(r"%.|[^%]", form, re.DOTALL)
    parts = []
    for index, piece in enumerate(pieces):
        if piece.startswith("%"):
            expression = DIRECTIVES[piece[1]]
            neighbours = [pieces[index - 1] if index else "", *pieces[index + 1 : index + 2]]
            touches = any(_is_number(neighbour) for neighbour in neighbours)
            parts.append(expression.replace("{1,2}", "{2}") if touches else expression)
        else:
            parts.append(f"\\x{{{ord(piece):x}}}")
    return "^" + "".join(parts) + "$"


def _is_number(piece: str) -> bool:
    return (len(piece) == 2 and piece[1] in "YmdHIMSf") or piece.isdigit()


def _local_micros(groups: list[str]) -> pl.Expr:
    """Return microseconds since 1970 of the time as written, regardless of its zone; null if there is no such time."""
    year, day = _number("year"), _number("day")
    month = _number("month") if "month" in groups else _month_named()
    hour = _number("hour") if "hour" in groups else _hour_of_half()
    minute, second = _number("minute"), _number("second")
    fraction = (
        pl.col("fraction").fill_null("0").str.slice(0, 6).str.pad_end(6, "0").cast(pl.Int64)
        if "fraction" in groups
        else pl.lit(0)
    )
    exists = (
        month.is_between(1, 12)
        & day.is_between(1, _days_in_month(year, month))
        & hour.is_between(0, 23)
        & minute.is_between(0, 59)
        & second.is_between(0, 59)
    )
    micros = ((hour * 60 + minute) * 60 + second) * _SECOND + fraction
    return pl.when(exists).then(_days(year, month, day) * _DAY + micros)


def _number(group: str) -> pl.Expr:
    return pl.col(group).cast(pl.Int64)


def _month_named() -> pl.Expr:
    """Return the number of an English month, by its name or its first three letters."""
    names = {name: number for number, name in enumerate(_MONTHS, 1)}
    names |= {name[:3]: number for name, number in list(names.items())}
    return pl.col("month_name").str.to_lowercase().replace_strict(names, default=None, return_dtype=pl.Int64)


def _hour_of_half() -> pl.Expr:
    half_hour, is_later = _number("half_hour"), pl.col("half").str.to_lowercase() == "pm"
    return pl.when(half_hour.is_between(1, 12)).then(half_hour % 12 + pl.when(is_later).then(12).otherwise(0))


def _days_in_month(year: pl.Expr, month: pl.Expr) -> pl.Expr:
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return (
        pl.when(month == 2)
        .then(pl.when(is_leap).then(29).otherwise(28))
        .otherwise(pl.when(month.is_in([4, 6, 9, 11])).then(30).otherwise(31))
    )


def _days(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Return days since 1970 in the proleptic Gregorian calendar, by years that begin in March."""
    march_year = year - (month <= 2).cast(pl.Int64)
    era = march_year // 400
    year_of_era = march_year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def _offset_micros() -> pl.Expr:
    """Return the offset to subtract from the local time; null if it is absent, or above 23 hours or 59 minutes."""
    offset = pl.col("offset")
    digits = offset.str.slice(1).str.replace(":", "", literal=True).str.pad_end(4, "0")
    hours = digits.str.slice(0, 2).cast(pl.Int64, strict=False)
    minutes = digits.str.slice(2, 2).cast(pl.Int64, strict=False)
    size = pl.when((hours <= 23) & (minutes <= 59)).then((hours * 60 + minutes) * 60 * _SECOND)
    signed = pl.when(offset.str.starts_with("-")).then(-size).otherwise(size)
    return pl.when(offset.str.to_lowercase().is_in(["z", "utc"])).then(pl.lit(0, pl.Int64)).otherwise(signed)


def _zoned(local: pl.Series, zone: str) -> pl.DataFrame:
    """Return ``at`` (UTC microseconds) and ``is_doubled`` of local microseconds.

    Days with a single offset are converted at once, all other local times one by one.
    """
    frame = pl.DataFrame({"local": local}).with_columns(day=pl.col("local") // _DAY)
    days = frame["day"].unique()
    offsets = pl.Series([_offset_of_day(zone, day) for day in days], dtype=pl.Int64)
    frame = frame.join(
        pl.DataFrame({"day": days, "offset": offsets}), on="day", how="left", maintain_order="left"
    )
    single = frame.filter(pl.col("offset").is_null())["local"].unique()
    found = [_instant(zone, value) for value in single]
    singles = pl.DataFrame(
        {"local": single, "single": [at for at, _ in found], "is_doubled": [doubled for _, doubled in found]},
        schema={"local": pl.Int64, "single": pl.Int64, "is_doubled": pl.Boolean},
    )
    return frame.join(singles, on="local", how="left", maintain_order="left").select(
        at=pl.coalesce(pl.col("local") - pl.col("offset"), "single"),
        is_doubled=pl.col("is_doubled").fill_null(False),
    )


@lru_cache(maxsize=100_000)
def _offset_of_day(zone: str, day: int) -> int | None:
    """Return the zone's offset in microseconds, or None if clocks change on that local day or near it."""
    try:
        noon = datetime(1970, 1, 1, 12, tzinfo=UTC) + timedelta(days=day)
        moments = [noon + timedelta(hours=hours) for hours in range(-36, 37)]
        offsets = {moment.astimezone(zone_named(zone)).utcoffset() for moment in moments}
    except (OverflowError, ValueError):
        return None
    only = offsets.pop()
    return None if offsets or only is None else only // timedelta(microseconds=1)


def _instant(zone: str, micros: int) -> tuple[int | None, bool]:
    """Return the earlier instant of a local time, and whether there are two; None if clocks skipped it."""
    try:
        local = _EPOCH + timedelta(microseconds=micros)
        first = local.replace(tzinfo=zone_named(zone)).astimezone(UTC)
        second = local.replace(tzinfo=zone_named(zone), fold=1).astimezone(UTC)
        is_real = first.astimezone(zone_named(zone)).replace(tzinfo=None) == local
    except (OverflowError, ValueError):
        return None, False
    at = (first.replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1)
    return (at, first != second) if is_real else (None, False)


def _epoch_micros(texts: pl.Series, unit: str) -> pl.Series:
    """Return the microseconds of numbers counted in a unit since 1970; decimals beyond the microsecond are cut downwards."""
    scale = _UNITS[unit]
    is_whole = pl.col("text").str.contains(r"^(?:0|-?[1-9][0-9]{0,14})$")
    frame = pl.DataFrame({"text": texts.cast(pl.String)}).select(
        "text", at=pl.when(is_whole).then(pl.col("text")).cast(pl.Int64, strict=False)
    )
    frame = frame.with_columns(
        at=pl.when(pl.col("at").abs() <= _END // scale).then(pl.col("at") * scale), is_rest=~is_whole
    )
    places = frame["is_rest"].fill_null(False).arg_true()
    if not len(places):
        return frame["at"]
    rest = [_epoch_micro(text, scale) for text in frame["text"].gather(places)]
    return frame["at"].scatter(places, pl.Series(rest, dtype=pl.Int64))


def _epoch_micro(text: str, scale: int) -> int | None:
    plain = plain_decimal(text) if is_json_number(text) else None
    if plain is None or len(plain.partition(".")[0]) > 18:
        return None
    whole, _, fraction = plain.lstrip("-").partition(".")
    numerator, denominator = int(whole + fraction) * scale, 10 ** len(fraction)
    micros = (-numerator if plain.startswith("-") else numerator) // denominator
    return micros if abs(micros) <= _END else None
