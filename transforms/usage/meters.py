"""Read the rule of a meter from the catalog, and express as SQL whether an event matches it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, column, func, literal, not_, or_, true
from sqlalchemy.dialects.postgresql import JSONB

from schemas.documents.catalog import Meter, PropertyFilter
from schemas.vocabulary import AggregationType


@dataclass(frozen=True)
class Filter:
    """A condition on a property: exactly one of `exists`, the values `included` and the values `excluded`.

    Values are JSON texts: as Python values ``1`` and ``True`` would be equal.
    """

    name: str
    exists: bool | None = None
    included: tuple[str, ...] | None = None
    excluded: tuple[str, ...] | None = None


@dataclass(frozen=True)
class MeterRule:
    """The rule by which a meter counts events."""

    meter_no: int
    aggregation: AggregationType
    aggregation_key: str | None
    included_names: tuple[str, ...] | None
    excluded_names: tuple[str, ...]
    filters: tuple[Filter, ...]
    group_keys: tuple[str, ...]
    inactive_at: datetime | None
    is_supported: bool


@dataclass(frozen=True)
class Facts:
    """The columns of the facts of some meters: of their properties, conditions, group keys and aggregated properties.

    readers: the meters that use each property.
    """

    properties: dict[str, str]
    readers: dict[str, tuple[MeterRule, ...]]
    conditions: dict[Filter | datetime, str]
    groups: dict[str, str]
    values: dict[str, str]
    aggregations: dict[str, tuple[AggregationType, ...]]


def properties_of(rule: MeterRule) -> set[str]:
    """Return the properties that a meter uses."""
    filtered = {condition.name for condition in rule.filters}
    return filtered | set(rule.group_keys) | ({rule.aggregation_key} if rule.aggregation_key else set())


def groups_of(rule: MeterRule) -> tuple[str, ...]:
    """Return the group keys of a meter, sorted."""
    return tuple(sorted(rule.group_keys))


def matches(facts: Facts, rule: MeterRule) -> ColumnElement[bool]:
    """Return whether the events of a fact match a meter: its names, all its filters, and a time before it became inactive."""
    conditions: list[ColumnElement[bool]] = [fact(facts.conditions[one]) for one in rule.filters]
    is_named = is_name_matched(fact("event_name"), rule)
    if is_named is not None:
        conditions.append(is_named)
    if rule.inactive_at is not None:
        conditions.append(fact(facts.conditions[rule.inactive_at]))
    return and_(true(), *conditions)


def is_name_matched(event_name: ColumnElement[Any], rule: MeterRule) -> ColumnElement[bool] | None:
    """Return whether a meter counts events of a name; None if it counts events of any name."""
    conditions: list[ColumnElement[bool]] = []
    if rule.included_names is not None:
        conditions.append(event_name.in_(rule.included_names))
    if rule.excluded_names:
        conditions.append(event_name.not_in(rule.excluded_names))
    return and_(*conditions) if conditions else None


def condition(wanted: Filter, value: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether the value of a property fulfils a filter."""
    if wanted.exists is not None:
        return value.is_not(None) if wanted.exists else value.is_(None)
    is_included = func.coalesce(_is_any(value, wanted.included or wanted.excluded or ()), False)
    return is_included if wanted.included is not None else not_(is_included)


def _is_any(value: ColumnElement[Any], wanted: tuple[str, ...]) -> ColumnElement[bool]:
    """Return whether a value equals any of `wanted` as a JSON value: jsonb compares numbers as numbers and never across types."""
    return or_(*(value == cast(literal(item, Text), JSONB) for item in wanted))


def fact(name: str) -> ColumnElement[Any]:
    """Return a column of the facts."""
    return column(name)


def meter_rule(meter: Meter, *, meter_no: int, inactive_at: datetime | None) -> MeterRule:
    """Return the rule of a meter of the catalog.

    inactive_at: the instant from which it counts no events, as decided when the catalog was loaded.
    """
    names = meter.event_type_filter
    return MeterRule(
        meter_no=meter_no,
        aggregation=meter.aggregation_type,
        aggregation_key=None if meter.aggregation_type is AggregationType.COUNT else meter.aggregation_key,
        included_names=names.include,
        excluded_names=names.exclude,
        filters=tuple(one for wanted in meter.property_filters for one in _conditions_of(wanted)),
        group_keys=meter.group_keys,
        inactive_at=inactive_at,
        is_supported=meter.is_supported,
    )


def _conditions_of(wanted: PropertyFilter) -> Iterator[Filter]:
    """Yield the conditions of a filter of the catalog one by one; all of them must hold."""
    if wanted.exists is not None:
        yield Filter(wanted.name, exists=wanted.exists)
    if wanted.include is not None:
        yield Filter(wanted.name, included=tuple(map(_json_text, wanted.include)))
    if wanted.exclude:
        yield Filter(wanted.name, excluded=tuple(map(_json_text, wanted.exclude)))


def _json_text(value: str | int | Decimal | bool) -> str:  # noqa: FBT001 - a truth value is one of the values
    return str(value) if isinstance(value, Decimal) else json.dumps(value)
