"""Laws of the rollup, on a real database: imports one by one give the same lines as a rebuild, and both are plain sums."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.usage import rollup
from schemas.vocabulary import ImportStatus
from tests.flows.small_installation import (
    CATALOG,
    CLOCK,
    INSTANTS,
    LAW,
    METERS,
    Row,
    SmallInstallation,
    contract,
    events,
    exports,
    pricing,
    small_installation,
)

ZONES = ["UTC", "America/Los_Angeles", "Pacific/Apia", "Asia/Kolkata"]

CHANGES: list[dict[str, list[dict[str, Any]]]] = [
    {"contracts": [contract("con-bolt", "cus-bolt", "plan-all", "2026-01-20", "2026-02-01")]},
    {"contracts": [contract("con-bolt", "cus-bolt", "plan-weeks", "2026-01-10")]},
    {"contracts": [contract("con-acme", "cus-acme", "plan-all", "2026-01-01", "2026-03-15")]},
    {"contracts": [contract("con-new", "cus-acme", "plan-all", "2025-12-31", "2026-01-16")]},
    {"meters": [METERS[0] | {"eventTypeFilter": {"include": ["tick"]}}]},
    {"meters": [METERS[1] | {"groupKeys": ["g"]}]},
    {"meters": [METERS[2] | {"status": "inactive", "inactiveAt": "2026-02-01T00:00:00Z"}]},
    {"plans": [{"id": "plan-weeks", "name": "Weeks", "pricing": [pricing("least", "MONTH", 2)]}]},
]


@pytest.fixture
def small(database_url: str, tmp_path: Path) -> Iterator[SmallInstallation]:
    """An installation of the test's own, emptied by each example."""
    with small_installation(database_url, tmp_path) as installation:
        yield installation


steps = st.lists(
    st.tuples(st.sampled_from(CHANGES) | st.none(), exports(events(), most=2, rows_each=6)),
    min_size=1,
    max_size=3,
)


@LAW
@given(steps, st.sampled_from(ZONES))
def test_recomputing_what_changed_equals_recomputing_everything(
    small: SmallInstallation, days: list[tuple[dict[str, Any] | None, list[list[Row]]]], zone: str
) -> None:
    """After imports, corrections and changes of the catalog, a rebuild from nothing gives the same and revises no line."""
    small.begin(zone=zone)
    for number, (change, files) in enumerate(days):
        if change is not None:
            small.catalog(change, clock=CLOCK + timedelta(hours=number))
        ledger = small.run(*(small.write(f"{number}-{place}", rows) for place, rows in enumerate(files)))
        if ledger.status != ImportStatus.PUBLISHED:
            small.rollup()
        before = small.stored()
        assert small.rollup_from_scratch().lines_changed == 0
        after = small.stored()
        assert after == before


@LAW
@given(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=4), exports(events(), most=2))
def test_a_catalog_of_later_counts_as_one_of_before(
    small: SmallInstallation, changes: list[dict[str, Any]], files: list[list[Row]]
) -> None:
    """Lines are the same whether the catalog changed before the events arrived or after: history counts."""
    found = []
    for is_catalog_first in (True, False):
        small.begin()
        paths = [small.write(f"{place}", rows) for place, rows in enumerate(files)]
        if not is_catalog_first:
            small.run(*paths)
        for change in changes:
            small.catalog(change)
        if is_catalog_first:
            small.run(*paths)
        small.rollup()
        found.append(small.numbers())
    assert found[0] == found[1]


MONTHLY: dict[str, list[dict[str, Any]]] = {
    "customers": CATALOG["customers"],
    "meters": METERS,
    "plans": [CATALOG["plans"][0]],
    "contracts": [
        contract("con-acme", "cus-acme", "plan-all", "2026-01-01", "2026-03-01"),
        contract("con-bolt", "cus-bolt", "plan-all", "2026-01-01"),
    ],
}
"""Months of UTC and nothing else, so that a line is a plain sum."""


@LAW
@given(st.lists(events(keys=(None,), is_omitting=False), min_size=20, max_size=40))
def test_lines_are_plain_sums(small: SmallInstallation, rows: list[dict[str, Any]]) -> None:
    """Quantity, counts, first and last time of every line equal those of a plain loop over the events."""
    small.begin(MONTHLY)
    rows = [row | {"contractId": None} for row in rows]
    small.run(small.write("events", rows))
    assert counted_lines(small) == plain_lines(rows)


def test_a_group_in_several_slices_counts_once(
    small: SmallInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events are grouped by runs of pages of their table; a group that is in several runs is one line."""
    monkeypatch.setattr(rollup, "SLICE_PAGES", 1)
    small.begin(MONTHLY)
    rows = [
        {
            "eventName": ("call", "tick", "store")[number % 3],
            "externalCustomerId": ("acme", "bolt")[number % 2],
            "timestamp": INSTANTS[number % len(INSTANTS)],
            "properties": {"n": number, "g": "xyz"[number % 5 % 3]},
        }
        for number in range(600)
    ]
    small.run(small.write("first", rows[:300]))
    small.run(small.write("then", rows[300:]))
    assert small.select("select pg_relation_size('events') > 3 * 8192") == [(True,)]
    assert counted_lines(small) == plain_lines([row | {"contractId": None} for row in rows])
    assert small.rollup_from_scratch().lines_changed == 0


def counted_lines(small: SmallInstallation) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {
        (line["contract_id"], line["meter_code"], line["period_start"], line["group"]): (
            None if line["quantity"] is None else Decimal(line["quantity"]),
            line["event_count"],
            line["unusable_count"],
            line["first_event_at"],
            line["last_event_at"],
        )
        for line in small.lines()
        if line["event_count"]
    }


def plain_lines(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    counted: dict[tuple[Any, ...], list[tuple[datetime, Decimal | None]]] = defaultdict(list)
    for row in rows:
        at = datetime.fromisoformat(row["timestamp"]).astimezone(UTC)
        if row["externalCustomerId"] == "acme" and at >= datetime(2026, 3, 1, tzinfo=UTC):
            continue
        period = datetime(at.year, at.month, 1, tzinfo=UTC)
        for code in ("calls", "sum", "most", "least"):
            if is_match(code, row):
                place = (f"con-{row['externalCustomerId']}", code, period, group_of(code, row["properties"]))
                counted[place].append((at, amount_of(row["properties"])))
    return {place: plain_line(place[1], amounts) for place, amounts in counted.items()}


def is_match(code: str, row: Mapping[str, Any]) -> bool:
    if code == "calls":
        return bool(row["eventName"] == "call")
    return code != "least" or (row["eventName"] != "tick" and row["properties"].get("g") != "x")


def group_of(code: str, properties: Mapping[str, Any]) -> str:
    if code != "most":
        return "{}"
    value = properties.get("g")
    value = int(value) if isinstance(value, float) else value
    return json.dumps({"g": value}, separators=(",", ":"))


def amount_of(properties: Mapping[str, Any]) -> Decimal | None:
    value = properties.get("n")
    return None if value is None or value == "many" else Decimal(str(value))


def plain_line(code: str, counted: list[tuple[datetime, Decimal | None]]) -> tuple[Any, ...]:
    amounts = [amount for _, amount in counted if amount is not None]
    quantity: Decimal | None = Decimal(len(counted))
    if code == "sum":
        quantity = sum(amounts, Decimal(0))
    elif code in {"most", "least"}:
        quantity = (max if code == "most" else min)(amounts, default=None)
    unusable = 0 if code == "calls" else len(counted) - len(amounts)
    moments = [at for at, _ in counted]
    return quantity, len(counted), unusable, min(moments), max(moments)


def test_the_empty_line_goes_when_groups_come(small: SmallInstallation) -> None:
    """A meter that gets group keys has a line per group; the line without a group is withdrawn, not left behind empty."""
    small.begin(MONTHLY)
    row = {
        "eventName": "tick",
        "externalCustomerId": "acme",
        "timestamp": INSTANTS[1],
        "properties": {"n": 2, "g": "x"},
    }
    small.run(small.write("events", [row]))
    small.catalog({"meters": [METERS[1] | {"groupKeys": ["g"]}]})
    small.rollup()
    january = [
        line for line in small.lines() if line["contract_id"] == "con-acme" and line["meter_code"] == "sum"
    ][0:1]
    assert [(line["group"], line["quantity"]) for line in january] == [('{"g":"x"}', "2")]
