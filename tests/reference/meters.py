"""The events that a meter matches, their groups, and their totals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tests.reference.catalog import Catalog, Meter, PropertyFilter
from tests.reference.values import JSON_NUMBER, TooLong, Typed, exact_sum, number

Group = tuple[tuple[str, Typed | None], ...]


@dataclass(frozen=True)
class Event:
    """One event as billing sees it."""

    customer_id: str
    event_name: str
    at: datetime
    contract_id: str | None
    properties: dict[str, Typed]


def matches(meter: Meter, event: Event, catalog: Catalog) -> bool:
    """Whether the meter takes the event."""
    if not meter.is_supported:
        return False
    if meter.is_inactive and event.at >= (meter.inactive_at or catalog.inactive_since[meter.id]):
        return False
    if meter.include is not None and event.event_name not in meter.include:
        return False
    if event.event_name in meter.exclude:
        return False
    return all(_passes(wanted, event.properties.get(wanted.name)) for wanted in meter.filters)


def _passes(wanted: PropertyFilter, value: Typed | None) -> bool:
    if wanted.exists is not None and wanted.exists != (value is not None):
        return False
    if wanted.include is not None and value not in wanted.include:
        return False
    return not (wanted.exclude is not None and value in wanted.exclude)


def group_of(meter: Meter, event: Event) -> Group:
    """The event's values of the meter's group keys, None where absent, by name."""
    return tuple((name, event.properties.get(name)) for name in sorted(meter.group_keys))


def show_group(group: Group) -> str:
    """Compact JSON with plain numbers."""
    return "{" + ",".join(f"{_text(name)}:{_value(value)}" for name, value in group) + "}"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _value(value: Typed | None) -> str:
    if value is None:
        return "null"
    return _text(value[1]) if value[0] == "text" else value[1]


def usable(meter: Meter, event: Event) -> Decimal | None:
    """Return what the event contributes, or None if it is unusable; a COUNT takes every event."""
    if meter.aggregation == "COUNT":
        return Decimal(1)
    kind, text = event.properties.get(str(meter.key)) or ("absent", "")
    if kind == "number" or (kind == "text" and JSON_NUMBER.fullmatch(text)):
        value = number(text)
        return None if isinstance(value, TooLong) else value
    return None


def aggregate(meter: Meter, events: Sequence[Event]) -> Decimal | None:
    """The quantity: 0 for a COUNT or SUM of none, None for a MAX or MIN of none."""
    values = [value for event in events if (value := usable(meter, event)) is not None]
    if meter.aggregation in ("COUNT", "SUM"):
        return exact_sum(values)
    if not values:
        return None
    return max(values) if meter.aggregation == "MAX" else min(values)
