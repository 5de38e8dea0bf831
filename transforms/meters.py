"""Meters as SQL: which events match, how much each contributes, and in which group.

All meters are computed from one pass over the events: :func:`select_facts` folds them by customer, contract pin, layer,
stretch, event name and by all that any meter asks of their properties; each meter is then a fold of those facts. What comes
from the catalog (names of properties, values of filters) is bound, never pasted.
"""

import json
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnCollection,
    ColumnElement,
    FromClause,
    Integer,
    Numeric,
    Select,
    Subquery,
    Table,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    not_,
    null,
    or_,
    select,
    table,
    true,
    values,
)
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.sql.functions import FunctionElement

from schemas.catalog import AggregationType, Meter, PropertyFilter

FACTS_TABLE: Final = "scratch_facts"
ARRAY_OF_INTEGERS: Final = ARRAY(Integer)

NUMBER_TEXT: Final = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?0*[0-9]{1,4})?$"
"""A text that is a JSON number; unless it is zero, none of a longer exponent is within bounds."""
NUMBER_TEXT_LENGTH: Final = 6_000
"""Longer texts must not reach a cast: with four digits of exponent, Postgres takes 16,383 after the point."""
ZERO_TEXT: Final = r"^-?0(\.0+)?([eE][+-]?[0-9]+)?$"
"""A text that is zero, however long, whatever its exponent."""
NUMBER_BOUND: Final = Decimal(10) ** 1000
NUMBER_SCALE: Final = 1_000


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


@dataclass(frozen=True)
class Source:
    """Where facts are made from: a table of events, how it is joined, which of them, and the layer and stretch of each."""

    events: Table
    rows: FromClause
    where: ColumnElement[bool]
    layer: ColumnElement[Any]
    stretch: ColumnElement[Any]


def facts_of(rules: Sequence[MeterRule]) -> Facts:
    """Name the columns of the facts of some meters; what several ask alike stands once."""
    supported = [rule for rule in rules if rule.is_supported]
    asked: list[Filter | datetime] = [condition for rule in supported for condition in rule.filters]
    asked += [rule.inactive_at for rule in supported if rule.inactive_at]
    keys = sorted({rule.aggregation_key for rule in supported if rule.aggregation_key})
    groups = sorted({key for rule in supported for key in rule.group_keys})
    asking: dict[str, list[MeterRule]] = defaultdict(list)
    for rule in supported:
        for name in _properties_of(rule):
            asking[name].append(rule)
    return Facts(
        properties={name: f"p{n}" for n, name in enumerate(sorted(asking))},
        asking={name: tuple(rules) for name, rules in asking.items()},
        conditions={condition: f"c{n}" for n, condition in enumerate(dict.fromkeys(asked))},
        groups={key: f"g{n}" for n, key in enumerate(groups)},
        values={key: f"v{n}" for n, key in enumerate(keys)},
        aggregations={
            key: tuple(sorted({rule.aggregation for rule in supported if rule.aggregation_key == key}))
            for key in keys
        },
    )


def _properties_of(rule: MeterRule) -> set[str]:
    """The properties that a meter's answers depend on."""
    filtered = {condition.name for condition in rule.filters}
    return filtered | set(rule.group_keys) | ({rule.aggregation_key} if rule.aggregation_key else set())


def select_facts(facts: Facts, source: Source) -> Select[Any]:
    """The facts over the events of a source; deleted ones count nowhere.

    One row per customer_no × pin (0: none) × layer × stretch × event_name × the columns of `facts`, with ``event_count``,
    ``first_at``, ``last_at``, and per aggregated property its usable count and aggregates.
    """
    answers = _answered(facts, _told(facts, source))
    groups = set(facts.groups.values())
    values = {f"{name}_value": name for name in facts.values.values()}
    dimensions = [answer for answer in answers.c if answer.name not in {"at", *values}]
    measures: list[ColumnElement[Any]] = [
        func.count().label("event_count"),
        func.min(answers.c.at).label("first_at"),
        func.max(answers.c.at).label("last_at"),
    ]
    for key, name in facts.values.items():
        value = answers.c[f"{name}_value"]
        measures.append(func.count(value).label(f"{name}_usable"))
        # A sum over nulls alone would still make the state of a sum: with the filter a fifth of all time less.
        measures += [
            _aggregate(kind, value).filter(value.is_not(None)).label(f"{name}_{kind.lower()}")
            for kind in facts.aggregations[key]
        ]
    # Grouped as jsonb, to which 1 and 1.0 are one value, and told as text only then: a group is many events.
    shown = [_group_text(one).label(one.name) if one.name in groups else one for one in dimensions]
    implied = [
        _condition(one, answers.c[facts.groups[one.name]]).label(name)
        for one, name in facts.conditions.items()
        if isinstance(one, Filter) and one.name in facts.groups
    ]
    return select(*shown, *implied, *measures).group_by(*dimensions)


def _told(facts: Facts, source: Source) -> Subquery:
    """Each event with the properties that a meter which its name matches asks for, each taken out once."""
    told = source.events.c
    return _apart(
        select(
            told.customer_no,
            func.coalesce(told.contract_no, 0).label("pin"),
            source.layer.label("layer"),
            source.stretch.label("stretch"),
            told.event_name,
            told.at,
            *(
                _asked_of(source.events, key, facts.asking[key]).label(name)
                for key, name in facts.properties.items()
            ),
        )
        .select_from(source.rows)
        .where(not_(told.is_deleted), source.where),
        "told",
    )


def _asked_of(of: Table, key: str, asking: Sequence[MeterRule]) -> ColumnElement[Any]:
    """A property of the events that a meter asking for it can match by their name; of all others it would only part facts."""
    names = [_is_name_matched(of.c.event_name, rule) for rule in asking]
    value: ColumnElement[Any] = of.c.properties[key]
    told = [name for name in names if name is not None]
    return value if len(told) < len(names) else case((or_(*told), value))


def _apart(statement: Select[Any], name: str) -> Subquery:
    """A subquery that Postgres does not merge into the query around it.

    Merged, each aggregate would take the same property out of an event anew. ``OFFSET 0`` would do as well, but rules out
    partial aggregates by parallel workers; a ``WITH`` that nobody reads does not.
    """
    return statement.add_cte(select(literal_column("1")).cte(f"{name}_apart", nesting=True)).subquery(name)


def _answered(facts: Facts, told: Subquery) -> Subquery:
    """Each event with what it answers: to conditions, as a group, and the number that it contributes.

    Conditions on group keys are left to :func:`select_facts`: all events of a group answer them alike.
    """
    asked = {key: told.c[name] for key, name in facts.properties.items()}
    return _apart(
        select(
            told.c.customer_no,
            told.c.pin,
            told.c.layer,
            told.c.stretch,
            told.c.event_name,
            told.c.at,
            *(
                (told.c.at < one if isinstance(one, datetime) else _condition(one, asked[one.name])).label(
                    name
                )
                for one, name in facts.conditions.items()
                if isinstance(one, datetime) or one.name not in facts.groups
            ),
            *(asked[key].label(name) for key, name in facts.groups.items()),
            *(usable_number(asked[key]).label(f"{name}_value") for key, name in facts.values.items()),
        ),
        "answered",
    )


def select_folded_usage(facts: Facts, rules: Sequence[MeterRule]) -> list[Select[Any]]:
    """The usage of supported meters from the facts, in the columns of ``folded_usage``; all of the same types.

    One fold for all meters that count the same events in the same groups, however each adds them up.
    """
    alike: dict[Hashable, list[MeterRule]] = defaultdict(list)
    for rule in rules:
        if rule.is_supported:
            alike[_counted_by(rule)].append(rule)
    return [_fold_alike(facts, told) for told in alike.values()]


def _counted_by(rule: MeterRule) -> Hashable:
    """What tells which events a meter counts, and in which groups."""
    return rule.included_names, rule.excluded_names, rule.filters, rule.inactive_at, _groups_of(rule)


def _fold_alike(facts: Facts, rules: Sequence[MeterRule]) -> Select[Any]:
    """The usage of meters that differ only in how they add up: events are grouped once, and told once per meter."""
    counted = func.sum(_fact("event_count")).label("event_count")
    measures: dict[str, ColumnElement[Any]] = {}
    for rule in rules:
        if rule.aggregation_key is not None:
            usable, quantity = _measures_of(facts, rule)
            measures[usable] = func.sum(_fact(usable)).label(usable)
            measures[quantity] = _aggregate(rule.aggregation, _fact(quantity)).label(quantity)
    within = [_fact(name) for name in ("customer_no", "pin", "layer", "stretch")]
    within += [_fact(facts.groups[key]) for key in _groups_of(rules[0])]
    folded = (
        select(
            _fact("customer_no"),
            _fact("pin"),
            _fact("layer"),
            func.min(_fact("first_at")).label("first_at"),
            func.max(_fact("last_at")).label("last_at"),
            counted,
            *measures.values(),
            _group_key(facts, rules[0]).label("group_key"),
        )
        .select_from(table(FACTS_TABLE))
        .where(matches(facts, rules[0]))
        .group_by(*within)
        .subquery("folded")
    )
    return _told_by_meter(folded, [_meter_row(facts, rule, folded.c) for rule in rules])


def _told_by_meter(folded: Subquery, meters: Sequence[tuple[ColumnElement[Any], ...]]) -> Select[Any]:
    """A fold once per meter, each a row of number, unusable events and quantity; one alone is not joined, a seventh less."""
    rows: FromClause = folded
    told: Sequence[ColumnElement[Any]] = meters[0]
    if len(meters) > 1:
        columns = column("meter_no", Integer), column("unusable_count", Numeric), column("quantity", Numeric)
        joined = values(*columns, name="meters").data(list(meters)).lateral()
        rows, told = folded.join(joined, true()), list(joined.c)
    meter_no, unusable_count, quantity = told
    of = folded.c
    return select(
        of.customer_no,
        of.pin,
        meter_no.label("meter_no"),
        of.layer,
        of.first_at,
        of.last_at,
        of.event_count,
        unusable_count.label("unusable_count"),
        quantity.label("quantity"),
        of.group_key,
    ).select_from(rows)


def _meter_row(
    facts: Facts, rule: MeterRule, folded: ColumnCollection[str, Any]
) -> tuple[ColumnElement[Any], ...]:
    """A meter's number, its unusable events and its quantity, from the columns of a fold."""
    meter_no = literal(rule.meter_no, Integer)
    if rule.aggregation_key is None:
        return meter_no, cast(literal(0), Numeric), folded.event_count
    usable, quantity = _measures_of(facts, rule)
    return meter_no, folded.event_count - folded[usable], folded[quantity]


def _measures_of(facts: Facts, rule: MeterRule) -> tuple[str, str]:
    """The columns of the facts with the usable count of what a meter aggregates, and with its aggregate."""
    value = facts.values[rule.aggregation_key or ""]
    return f"{value}_usable", f"{value}_{rule.aggregation.lower()}"


def _groups_of(rule: MeterRule) -> tuple[str, ...]:
    """The properties that part a meter's lines, in their one order."""
    return tuple(sorted(rule.group_keys))


def select_folded_matches(facts: Facts, rules: Sequence[MeterRule]) -> Select[Any]:
    """How many events of which name matched which set of meters, in the columns of ``folded_matches``.

    Grouped by what tells the set, which costs less than making a set of each fact; so two rows may tell the same set.
    """
    matched = [case((matches(facts, rule), rule.meter_no)) for rule in rules if rule.is_supported]
    meters = func.array_remove(cast(array(matched), ARRAY_OF_INTEGERS), null())
    return (
        select(
            _fact("customer_no"),
            _fact("pin"),
            _fact("layer"),
            func.min(_fact("first_at")).label("first_at"),
            func.max(_fact("last_at")).label("last_at"),
            func.sum(_fact("event_count")).label("event_count"),
            _fact("event_name"),
            meters.label("meters"),
        )
        .select_from(table(FACTS_TABLE))
        .group_by(
            _fact("customer_no"),
            _fact("pin"),
            _fact("layer"),
            _fact("stretch"),
            _fact("event_name"),
            *(_fact(name) for name in facts.conditions.values()),
        )
    )


def matches(facts: Facts, rule: MeterRule) -> ColumnElement[bool]:
    """Whether the events of a fact match a meter: its names first, then every filter, then before it became inactive."""
    asked: list[ColumnElement[bool]] = [_fact(facts.conditions[condition]) for condition in rule.filters]
    is_named = _is_name_matched(_fact("event_name"), rule)
    if is_named is not None:
        asked.append(is_named)
    if rule.inactive_at is not None:
        asked.append(_fact(facts.conditions[rule.inactive_at]))
    return and_(true(), *asked)


def _is_name_matched(event_name: ColumnElement[Any], rule: MeterRule) -> ColumnElement[bool] | None:
    """Whether a meter counts events of a name; None where it counts those of any."""
    asked: list[ColumnElement[bool]] = []
    if rule.included_names is not None:
        asked.append(event_name.in_(rule.included_names))
    if rule.excluded_names:
        asked.append(event_name.not_in(rule.excluded_names))
    return and_(*asked) if asked else None


def usable_number(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """The number that SUM, MAX and MIN use of a property: a JSON number, or a text that is one; else null."""
    said = value.op("#>>", return_type=Text())(literal_column("'{}'::text[]"))
    read = cast(said, Numeric)
    is_safe = and_(said.regexp_match(NUMBER_TEXT), func.length(said) <= NUMBER_TEXT_LENGTH)
    is_within = and_(func.abs(read) < NUMBER_BOUND, func.min_scale(read) <= NUMBER_SCALE)
    of_text = case(
        (said.regexp_match(ZERO_TEXT), literal_column("0::numeric")), (is_safe, case((is_within, read)))
    )
    of_kind = {"number": cast(value, Numeric), "string": of_text}
    return case(of_kind, value=func.jsonb_typeof(value))


def _condition(asked: Filter, value: ColumnElement[Any]) -> ColumnElement[bool]:
    if asked.exists is not None:
        return value.is_not(None) if asked.exists else value.is_(None)
    is_included = func.coalesce(_is_any(value, asked.included or asked.excluded or ()), False)
    return is_included if asked.included is not None else not_(is_included)


def _is_any(value: ColumnElement[Any], wanted: tuple[str, ...]) -> ColumnElement[bool]:
    """Equal as JSON values to any of `wanted`: jsonb compares numbers as numbers and never across types."""
    return or_(*(value == cast(literal(item, Text), JSONB) for item in wanted))


def _group_text(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """A group value as compact JSON; equal numbers are one text, an absent property is null."""
    number = cast(func.trim_scale(cast(value, Numeric)), Text)
    return func.coalesce(
        case((func.jsonb_typeof(value) == "number", number), else_=cast(value, Text)), "null"
    )


def _group_key(facts: Facts, rule: MeterRule) -> ColumnElement[Any]:
    """A meter's group as compact JSON, names sorted by code point; ``{}`` where it has no group keys."""
    if not rule.group_keys:
        return cast(literal("{}"), Text)
    parts: list[ColumnElement[Any]] = []
    for key in _groups_of(rule):
        opening = "," if parts else "{"
        parts += [literal(f"{opening}{json.dumps(key, ensure_ascii=False)}:", Text), _fact(facts.groups[key])]
    return func.concat(*parts, literal("}", Text))


def _aggregate(kind: AggregationType, value: ColumnElement[Any]) -> FunctionElement[Any]:
    match kind:
        case AggregationType.MAX:
            return func.max(value)
        case AggregationType.MIN:
            return func.min(value)
        case _:
            return func.sum(value)


def _fact(name: str) -> ColumnElement[Any]:
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
