"""Billing periods of a contract's pricing: anchor + n × interval, cut to the contract."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tests.reference.catalog import Contract, Pricing
from tests.reference.instants import day_start


@dataclass(frozen=True)
class Period:
    """Half-open, in instants."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Whether the instant lies in it."""
        return self.start <= at < self.end


@dataclass(frozen=True)
class Boundaries:
    """All boundaries of an interval, counted from one anchor: a year, a month and a day that may be longer than the month."""

    year: int
    month: int
    day: int
    interval: str
    count: int

    def boundary(self, n: int) -> date:
        """The n-th boundary."""
        if self.interval == "WEEK":
            return clamped(self.year, self.month, self.day) + timedelta(days=7 * self.count * n)
        months = self.count * n * {"MONTH": 1, "YEAR": 12}[self.interval]
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return clamped(year, month + 1, self.day)


def clamped(year: int, month: int, day: int) -> date:
    """That day of the month, or its last."""
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def boundaries(contract: Contract, pricing: Pricing) -> Boundaries:
    """The boundaries of a pricing, by the contract's anchor."""
    anchor = contract.start if contract.anchor is None else contract.anchor
    if isinstance(anchor, date):
        return Boundaries(anchor.year, anchor.month, anchor.day, pricing.interval, pricing.count)
    year, month = contract.start.year, contract.start.month
    if clamped(year, month, anchor) < contract.start:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return Boundaries(year, month, anchor, pricing.interval, pricing.count)


def coverage(contract: Contract, zone: str) -> Period:
    """From when to when the contract covers, `datetime.max` standing for: it rolls on."""
    end = datetime.max.replace(tzinfo=day_start(zone, contract.start).tzinfo)
    return Period(day_start(zone, contract.start), day_start(zone, contract.end) if contract.end else end)


def periods(contract: Contract, pricing: Pricing, zone: str, until: datetime) -> list[Period]:
    """Every period of the contract's pricing that starts by that instant."""
    all_boundaries = boundaries(contract, pricing)
    n = 0
    while all_boundaries.boundary(n) > contract.start:
        n -= 1
    while all_boundaries.boundary(n + 1) <= contract.start:
        n += 1
    found: list[Period] = []
    while True:
        first = max(all_boundaries.boundary(n), contract.start)
        last = all_boundaries.boundary(n + 1)
        if contract.end is not None:
            last = min(last, contract.end)
        if first >= last or day_start(zone, first) > until:
            return found
        if day_start(zone, first) < day_start(zone, last):
            found.append(Period(day_start(zone, first), day_start(zone, last)))
        n += 1
