"""Fold events into facts: one pass over the events for all meters.

:func:`select_facts` groups events by customer, pinned contract, layer, interval, event name and everything that any meter
uses of their properties; each meter is then a fold of those facts. Names and values from the catalog are bound, never
written into the SQL.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Numeric,
    Select,
    Subquery,
    Table,
    Text,
    case,
    cast,
    func,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy.sql.functions import FunctionElement

from schemas.vocabulary import AggregationType
from transforms.usage.meters import Facts, Filter, MeterRule, condition, is_name_matched, properties_of
from transforms.usage.numbers import usable_number

FACTS_TABLE: Final = "event_facts"


@dataclass(frozen=True)
class Source:
    """The events that facts are made from: their table, its joins, a condition, and the layer and interval of each event."""

    events: Table
    rows: FromClause
    where: ColumnElement[bool]
    layer: ColumnElement[Any]
    interval_no: ColumnElement[Any]


def facts_of(rules: Sequence[MeterRule]) -> Facts:
    """Return the columns of the facts of some meters; meters that use the same thing share its column."""
    supported = [rule for rule in rules if rule.is_supported]
    conditions: list[Filter | datetime] = [one for rule in supported for one in rule.filters]
    conditions += [rule.inactive_at for rule in supported if rule.inactive_at]
    keys = sorted({rule.aggregation_key for rule in supported if rule.aggregation_key})
    groups = sorted({key for rule in supported for key in rule.group_keys})
    readers: dict[str, list[MeterRule]] = defaultdict(list)
    for rule in supported:
        for name in properties_of(rule):
            readers[name].append(rule)
    return Facts(
        properties={name: f"p{n}" for n, name in enumerate(sorted(readers))},
        readers={name: tuple(rules) for name, rules in readers.items()},
        conditions={one: f"c{n}" for n, one in enumerate(dict.fromkeys(conditions))},
        groups={key: f"g{n}" for n, key in enumerate(groups)},
        values={key: f"v{n}" for n, key in enumerate(keys)},
        aggregations={
            key: tuple(sorted({rule.aggregation for rule in supported if rule.aggregation_key == key}))
            for key in keys
        },
    )


def select_facts(facts: Facts, source: Source) -> Select[Any]:
    """Return the facts of the events of a source, deleted events left out.

    One row per customer_no × pinned_contract_no (0: none) × layer × interval_no × event_name × the columns of `facts`, with
    event_count, first_at, last_at, and for each aggregated property the number of usable values and their aggregates.
    """
    inputs = _meter_inputs(facts, _with_properties(facts, source))
    groups = set(facts.groups.values())
    values = {f"{name}_value": name for name in facts.values.values()}
    dimensions = [one for one in inputs.c if one.name not in {"at", *values}]
    measures: list[ColumnElement[Any]] = [
        func.count().label("event_count"),
        func.min(inputs.c.at).label("first_at"),
        func.max(inputs.c.at).label("last_at"),
    ]
    for key, name in facts.values.items():
        value = inputs.c[f"{name}_value"]
        measures.append(func.count(value).label(f"{name}_usable"))
        # A sum of nulls alone would still allocate the state of a sum; the filter saves a fifth of the time.
        measures += [
            aggregate(kind, value).filter(value.is_not(None)).label(f"{name}_{kind.lower()}")
            for kind in facts.aggregations[key]
        ]
    # Grouped as jsonb, in which 1 and 1.0 are equal, and converted to text afterwards: a group has many events.
    shown = [group_text(one).label(one.name) if one.name in groups else one for one in dimensions]
    implied = [
        condition(one, inputs.c[facts.groups[one.name]]).label(name)
        for one, name in facts.conditions.items()
        if isinstance(one, Filter) and one.name in facts.groups
    ]
    return select(*shown, *implied, *measures).group_by(*dimensions)


def _with_properties(facts: Facts, source: Source) -> Subquery:
    """Return the events of a source, each with the properties that meters matching its name use, each extracted once."""
    event = source.events.c
    return _unmerged(
        select(
            event.customer_no,
            func.coalesce(event.contract_no, 0).label("pinned_contract_no"),
            source.layer.label("layer"),
            source.interval_no.label("interval_no"),
            event.event_name,
            event.at,
            *(
                _property(source.events, key, facts.readers[key]).label(name)
                for key, name in facts.properties.items()
            ),
        )
        .select_from(source.rows)
        .where(not_(event.is_deleted), source.where),
        "with_properties",
    )


def _property(of: Table, key: str, readers: Sequence[MeterRule]) -> ColumnElement[Any]:
    """Return a property of the events whose name matches a meter that uses it, else null: it would only split facts."""
    names = [is_name_matched(of.c.event_name, rule) for rule in readers]
    value: ColumnElement[Any] = of.c.properties[key]
    conditions = [name for name in names if name is not None]
    return value if len(conditions) < len(names) else case((or_(*conditions), value))


def _unmerged(statement: Select[Any], name: str) -> Subquery:
    """Return a subquery that Postgres does not merge into the query around it.

    If it were merged, each aggregate would extract the same property of an event again. ``OFFSET 0`` has the same effect,
    but rules out partial aggregates by parallel workers; a ``WITH`` that is not read does not.
    """
    return statement.add_cte(select(literal_column("1")).cte(f"{name}_unmerged", nesting=True)).subquery(name)


def _meter_inputs(facts: Facts, events: Subquery) -> Subquery:
    """Return events with the inputs of meters: whether each condition holds, the group values and the usable numbers.

    Conditions on group keys are left to :func:`select_facts`: their result is the same for all events of a group.
    """
    properties = {key: events.c[name] for key, name in facts.properties.items()}
    return _unmerged(
        select(
            events.c.customer_no,
            events.c.pinned_contract_no,
            events.c.layer,
            events.c.interval_no,
            events.c.event_name,
            events.c.at,
            *(
                (
                    events.c.at < one if isinstance(one, datetime) else condition(one, properties[one.name])
                ).label(name)
                for one, name in facts.conditions.items()
                if isinstance(one, datetime) or one.name not in facts.groups
            ),
            *(properties[key].label(name) for key, name in facts.groups.items()),
            *(usable_number(properties[key]).label(f"{name}_value") for key, name in facts.values.items()),
        ),
        "meter_inputs",
    )


def group_text(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a group value as compact JSON; equal numbers have one text, an absent property is null."""
    number = cast(func.trim_scale(cast(value, Numeric)), Text)
    return func.coalesce(
        case((func.jsonb_typeof(value) == "number", number), else_=cast(value, Text)), "null"
    )


def aggregate(kind: AggregationType, value: ColumnElement[Any]) -> FunctionElement[Any]:
    """Return the aggregate of a value."""
    match kind:
        case AggregationType.MAX:
            return func.max(value)
        case AggregationType.MIN:
            return func.min(value)
        case _:
            return func.sum(value)
