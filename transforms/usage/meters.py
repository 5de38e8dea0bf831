"""The rule of a meter, and which events match it, as SQL expressions."""

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
    """One condition on a property, by exactly one of: ``exists``, values ``included``, values ``excluded``.

    Values are JSON texts: as Python values ``1`` and ``True`` would be equal.
    """

    name: str
    exists: bool | None = None
    included: tuple[str, ...] | None = None
    excluded: tuple[str, ...] | None = None


@dataclass(frozen=True)
class MeterRule:
    """What a meter counts, as the rollup needs it."""

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
    """The columns that stand for what some meters ask: a property, a condition, a group key, an aggregated property.

    asking: of each property, the meters that ask for it.
    """

    properties: dict[str, str]
    asking: dict[str, tuple[MeterRule, ...]]
    conditions: dict[Filter | datetime, str]
    groups: dict[str, str]
    values: dict[str, str]
    aggregations: dict[str, tuple[AggregationType, ...]]


def properties_of(rule: MeterRule) -> set[str]:
    """The properties that a meter's answers depend on."""
    filtered = {condition.name for condition in rule.filters}
    return filtered | set(rule.group_keys) | ({rule.aggregation_key} if rule.aggregation_key else set())


def groups_of(rule: MeterRule) -> tuple[str, ...]:
    """The properties that part a meter's lines, in their one order."""
    return tuple(sorted(rule.group_keys))


def matches(facts: Facts, rule: MeterRule) -> ColumnElement[bool]:
    """Whether the events of a fact match a meter: its names first, then every filter, then before it became inactive."""
    asked: list[ColumnElement[bool]] = [fact(facts.conditions[condition]) for condition in rule.filters]
    is_named = is_name_matched(fact("event_name"), rule)
    if is_named is not None:
        asked.append(is_named)
    if rule.inactive_at is not None:
        asked.append(fact(facts.conditions[rule.inactive_at]))
    return and_(true(), *asked)


def is_name_matched(event_name: ColumnElement[Any], rule: MeterRule) -> ColumnElement[bool] | None:
    """Whether a meter counts events of a name; None where it counts those of any."""
    asked: list[ColumnElement[bool]] = []
    if rule.included_names is not None:
        asked.append(event_name.in_(rule.included_names))
    if rule.excluded_names:
        asked.append(event_name.not_in(rule.excluded_names))
    return and_(*asked) if asked else None


def condition(asked: Filter, value: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether a property fulfils a filter, as SQL."""
    if asked.exists is not None:
        return value.is_not(None) if asked.exists else value.is_(None)
    is_included = func.coalesce(_is_any(value, asked.included or asked.excluded or ()), False)
    return is_included if asked.included is not None else not_(is_included)


def _is_any(value: ColumnElement[Any], wanted: tuple[str, ...]) -> ColumnElement[bool]:
    """Equal as JSON values to any of `wanted`: jsonb compares numbers as numbers and never across types."""
    return or_(*(value == cast(literal(item, Text), JSONB) for item in wanted))


def fact(name: str) -> ColumnElement[Any]:
    """Return a column of the facts."""
    return column(name)


def meter_rule(meter: Meter, *, meter_no: int, inactive_at: datetime | None) -> MeterRule:
    """What a catalog's meter counts; `inactive_at` is when it became inactive, as the catalog was loaded."""
    names = meter.event_type_filter
    return MeterRule(
        meter_no=meter_no,
        aggregation=meter.aggregation_type,
        aggregation_key=None if meter.aggregation_type is AggregationType.COUNT else meter.aggregation_key,
        included_names=names.include,
        excluded_names=names.exclude,
        filters=tuple(condition for told in meter.property_filters for condition in _conditions_of(told)),
        group_keys=meter.group_keys,
        inactive_at=inactive_at,
        is_supported=meter.is_supported,
    )


def _conditions_of(told: PropertyFilter) -> Iterator[Filter]:
    """The conditions of one filter of the catalog, apart; all of them must hold."""
    if told.exists is not None:
        yield Filter(told.name, exists=told.exists)
    if told.include is not None:
        yield Filter(told.name, included=tuple(map(_json_text, told.include)))
    if told.exclude:
        yield Filter(told.name, excluded=tuple(map(_json_text, told.exclude)))


def _json_text(value: str | int | Decimal | bool) -> str:  # noqa: FBT001 - a truth value is one of the values
    return str(value) if isinstance(value, Decimal) else json.dumps(value)
