"""Fold events into facts: one pass over the events for all meters.

:func:`select_facts` folds events by customer, pinned contract, layer, interval, event name and all that any meter asks of
their properties; each meter is then a fold of those facts. Names and values from the catalog are bound, never pasted.
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

FACTS_TABLE: Final = "scratch_facts"


@dataclass(frozen=True)
class Source:
    """Where facts are made from: a table of events, how it is joined, which of them, and the layer and interval_no of each."""

    events: Table
    rows: FromClause
    where: ColumnElement[bool]
    layer: ColumnElement[Any]
    interval_no: ColumnElement[Any]


def facts_of(rules: Sequence[MeterRule]) -> Facts:
    """Name the columns of the facts of some meters; what several ask alike stands once."""
    supported = [rule for rule in rules if rule.is_supported]
    asked: list[Filter | datetime] = [condition for rule in supported for condition in rule.filters]
    asked += [rule.inactive_at for rule in supported if rule.inactive_at]
    keys = sorted({rule.aggregation_key for rule in supported if rule.aggregation_key})
    groups = sorted({key for rule in supported for key in rule.group_keys})
    asking: dict[str, list[MeterRule]] = defaultdict(list)
    for rule in supported:
        for name in properties_of(rule):
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


def select_facts(facts: Facts, source: Source) -> Select[Any]:
    """The facts over the events of a source; deleted ones count nowhere.

    One row per customer_no × pinned_contract_no (0: none) × layer × interval_no × event_name × the columns of `facts`, with ``event_count``,
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
            aggregate(kind, value).filter(value.is_not(None)).label(f"{name}_{kind.lower()}")
            for kind in facts.aggregations[key]
        ]
    # Grouped as jsonb, to which 1 and 1.0 are one value, and told as text only then: a group is many events.
    shown = [group_text(one).label(one.name) if one.name in groups else one for one in dimensions]
    implied = [
        condition(one, answers.c[facts.groups[one.name]]).label(name)
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
            func.coalesce(told.contract_no, 0).label("pinned_contract_no"),
            source.layer.label("layer"),
            source.interval_no.label("interval_no"),
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
    names = [is_name_matched(of.c.event_name, rule) for rule in asking]
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
            told.c.pinned_contract_no,
            told.c.layer,
            told.c.interval_no,
            told.c.event_name,
            told.c.at,
            *(
                (told.c.at < one if isinstance(one, datetime) else condition(one, asked[one.name])).label(
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


def group_text(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """A group value as compact JSON; equal numbers are one text, an absent property is null."""
    number = cast(func.trim_scale(cast(value, Numeric)), Text)
    return func.coalesce(
        case((func.jsonb_typeof(value) == "number", number), else_=cast(value, Text)), "null"
    )


def aggregate(kind: AggregationType, value: ColumnElement[Any]) -> FunctionElement[Any]:
    """Return the aggregate of a value, as SQL."""
    match kind:
        case AggregationType.MAX:
            return func.max(value)
        case AggregationType.MIN:
            return func.min(value)
        case _:
            return func.sum(value)
