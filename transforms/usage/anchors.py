"""Read the billing cycle anchor of a contract."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Anchor:
    """A day of one month from which boundaries are counted; `day` may be more than that month has."""

    year: int
    month: int
    day: int

    @property
    def on(self) -> date:
        """Return the anchor's date, clamped to its month."""
        return clamped(self.year, self.month, self.day)


def anchor_of(start_on: date, billing_cycle_anchor: str | None) -> Anchor:
    """Return the anchor of a contract that starts on `start_on`.

    billing_cycle_anchor: a date ``YYYY-MM-DD``, which stands as it is; a day of month ``1`` to ``31``, which
    stands for the first such day on or after the start, clamped to its month; or None, the start itself.
    Raises ValueError for anything else.
    """
    if billing_cycle_anchor is None:
        return anchored(start_on)
    if "-" in billing_cycle_anchor:
        return anchored(_plain_date(billing_cycle_anchor))
    return _first_on_or_after(start_on, day=_day_of_month(billing_cycle_anchor))


def anchored(day: date) -> Anchor:
    """Return a date as an anchor."""
    return Anchor(day.year, day.month, day.day)


def _first_on_or_after(start_on: date, *, day: int) -> Anchor:
    if clamped(start_on.year, start_on.month, day) >= start_on:
        return Anchor(start_on.year, start_on.month, day)
    year, month = divmod(start_on.year * 12 + start_on.month, 12)
    return Anchor(year, month + 1, day)


def clamped(year: int, month: int, day: int) -> date:
    """Return a day of a month, or its last day if the month does not have that day."""
    return date(year, month, min(day, monthrange(year, month)[1]))


def _plain_date(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date YYYY-MM-DD") from None
    if day.isoformat() != text:
        raise ValueError(f"{text!r} is not a date YYYY-MM-DD")
    return day


def _day_of_month(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 31:
        return int(text)
    raise ValueError(f"{text!r} is neither a date YYYY-MM-DD nor a day of month 1 to 31")
