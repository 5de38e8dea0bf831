"""Meters as SQL: values of the catalog are bound and never written into it, and meters share what they use alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import literal, select, true
from sqlalchemy.dialects import postgresql

from schemas.documents.catalog import Meter
from schemas.tables.events import events
from schemas.vocabulary import AggregationType
from transforms.usage.facts import Source, facts_of, select_facts
from transforms.usage.folds import select_folded_matches, select_folded_usage
from transforms.usage.meters import Filter, MeterRule, meter_rule
from transforms.usage.numbers import usable_number

INACTIVE_AT = datetime(2026, 2, 1, tzinfo=UTC)

POSTGRES = postgresql.dialect()  # type: ignore[no-untyped-call]


def rule_of(number: int = 1, *, inactive_at: datetime | None = None, **fields: Any) -> MeterRule:
    document = {
        "id": f"meter-{number}",
        "code": "m",
        "aggregationType": "SUM",
        "aggregationKey": "n",
    } | fields
    return meter_rule(Meter.model_validate(document), meter_no=number, inactive_at=inactive_at)


def statements(rule: MeterRule) -> list[str]:
    facts = facts_of([rule])
    source = Source(
        events=events, rows=events, where=true(), layer=literal(1), interval_no=literal("2026-01-01")
    )
    selects = (
        select_facts(facts, source),
        *select_folded_usage(facts, [rule]),
        select_folded_matches(facts, [rule]),
    )
    return [str(one.compile(dialect=POSTGRES)) for one in selects]


marked = st.text(
    st.sampled_from("ab \"'%(){}:;$\\-é") | st.characters(exclude_categories=["C"]), min_size=1, max_size=20
).map(lambda text: f"§{text}§")


@given(name=marked, key=marked, group=marked, value=marked, event_name=marked)
def test_nothing_of_the_catalog_is_written_into_a_statement(
    name: str, key: str, group: str, value: str, event_name: str
) -> None:
    """Names of properties, values of filters, group keys and event names are parameters, whatever characters they have."""
    rule = rule_of(
        aggregationKey=key,
        groupKeys=[group],
        propertyFilters=[
            {"name": name, "include": [value]},
            {"name": name, "exclude": [value]},
            {"name": name, "exists": True},
        ],
        eventTypeFilter={"include": [event_name], "exclude": [value]},
    )
    assert not any("§" in statement for statement in statements(rule))


def test_meters_that_differ_only_in_their_aggregation_are_folded_together() -> None:
    """The order of group keys makes no difference; a name, a filter, a group key or an end of activity does."""
    alike = [
        rule_of(1, groupKeys=["g", "h"]),
        rule_of(2, groupKeys=["h", "g"], aggregationType="MAX"),
        rule_of(3, groupKeys=["g", "h"], aggregationType="COUNT"),
    ]
    different = [
        rule_of(4),
        rule_of(5, groupKeys=["g"]),
        rule_of(6, eventTypeFilter={"include": ["a"]}),
        rule_of(7, propertyFilters=[{"name": "g", "exists": True}]),
        rule_of(8, inactive_at=INACTIVE_AT),
    ]
    rules = alike + different
    assert len(select_folded_usage(facts_of(rules), rules)) == 1 + len(different)


def test_meters_share_the_columns_that_they_use_alike() -> None:
    """Equal conditions, groups and amounts share a column of the facts; values of different types that look alike do not."""
    one = rule_of(1, groupKeys=["g"], propertyFilters=[{"name": "a", "include": [1]}])
    two = rule_of(
        2,
        groupKeys=["g", "h"],
        propertyFilters=[{"name": "a", "include": [1]}, {"name": "a", "include": [True]}],
    )
    facts = facts_of([one, two])
    assert len(facts.conditions) == 2
    assert sorted(facts.groups) == ["g", "h"]
    assert list(facts.values) == ["n"]
    assert facts.aggregations["n"] == (AggregationType.SUM,)


def test_a_count_needs_no_amount() -> None:
    """A count that has an aggregation key does not use that property."""
    rule = rule_of(aggregationType="COUNT", aggregationKey="n")
    assert rule.aggregation_key is None
    assert facts_of([rule]).values == {}


def test_a_meter_that_is_not_supported_uses_nothing() -> None:
    """A meter that is described by `sql` is loaded, and has no part in the facts."""
    rule = rule_of(sql="select count() from events", propertyFilters=[{"name": "a", "exists": True}])
    assert not rule.is_supported
    assert facts_of([rule]) == facts_of([])


def test_all_conditions_of_one_filter_are_used() -> None:
    """Several conditions of one filter are separate, and an inactive meter has a condition on the time."""
    rule = rule_of(
        propertyFilters=[{"name": "a", "exists": True, "include": ["x"], "exclude": ["y"]}],
        inactive_at=INACTIVE_AT,
    )
    assert rule.filters == (
        Filter("a", exists=True),
        Filter("a", included=('"x"',)),
        Filter("a", excluded=('"y"',)),
    )
    assert INACTIVE_AT in facts_of([rule]).conditions


@pytest.mark.parametrize(("value", "text"), [(1, "1"), (True, "true"), ("1", '"1"')])
def test_values_of_filters_keep_their_type(value: Any, text: str) -> None:
    """As JSON texts 1, true and "1" are three values; as Python values they would be two."""
    assert rule_of(propertyFilters=[{"name": "a", "include": [value]}]).filters == (
        Filter("a", included=(text,)),
    )


def test_no_text_is_cast_before_it_is_checked() -> None:
    """The cast of a text is inside the case that has found it to be a number of bounded length."""
    compiled = str(select(usable_number(events.c.properties["n"])).compile(dialect=POSTGRES))
    assert compiled.index("length(") < compiled.index("abs(")
