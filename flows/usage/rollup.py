"""Roll up: fold events into usage, layer by layer, between the boundaries of each customer's periods.

An **interval** is the time of a customer between two neighbouring boundaries of its contracts and their periods, so all of
it lies in one period of each of them. A **layer** is a set of files whose events are folded together: the files of an import
make one of their own, and a rebuild of everything puts all older ones into layer 0. So an import folds its own events
alone, whenever they happened. If it removes events from an older layer, the interval of that layer is folded anew from the
events left. Nothing is incremented: the usage of a layer and interval is always a fold of its events. Everything here runs
inside the transaction that publishes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import polars as pl
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    Table,
    and_,
    case,
    column,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    text,
    true,
    union_all,
)

from flows.database.exclusive import filling
from flows.database.execute import execute
from flows.database.read import is_one_of
from flows.database.unlogged import create_as, drop_scratch, execute_bound
from flows.usage.extent import Extent
from schemas.tables.events import events
from schemas.tables.imports import files
from schemas.tables.usage import customer_boundaries, folded_matches, folded_usage
from schemas.tables.working_usage import event_facts, metered_usage, ranges_to_refold
from transforms.statements import statements
from transforms.usage.facts import Source, facts_of, select_facts
from transforms.usage.folds import select_folded_matches, select_folded_usage
from transforms.usage.meters import Facts, MeterRule
from transforms.usage.ranges import few_ranges

RULES: Final = statements("transforms/usage/rollup.sql")
SQL: Final = statements("flows/usage/rollup.sql")

BASE_LAYER: Final = 0
"""The layer of all files that a rebuild of everything has folded together."""

SCANNED_RANGES: Final = 8
"""Ranges of time, at most, in which the events that are folded anew are read, each a bitmap scan of the index on time."""

SLICE_PAGES: Final = 16_384
"""Pages of a slice, 128 MiB, some 600,000 events; half or twice of it took a seventh longer for 10 meters."""

MOST_SLICES: Final = 16
"""Beyond this number slices grow instead: each makes the statement longer by everything that meters ask for."""

METERED_TABLE: Final = metered_usage.name
"""The usage of all meters on its way to ``folded_usage``: an insert straight into it would fold in one process."""

FOLDED: Final = (folded_usage, folded_matches)


@dataclass(frozen=True)
class Arrived:
    """The files that an import adds, and a table of exactly those of their events that count."""

    file_ids: tuple[int, ...]
    events: Table


def roll_up(
    connection: Connection, rules: Sequence[MeterRule], *, layer: int, arrived: Arrived | None, extent: Extent
) -> None:
    """Fold the events that have arrived into a layer of their own, and anew what has changed in older layers, or everything.

    Needs the table ``removed_events`` (customer_no, file_id, at). Leaves the working tables ``ranges_to_refold`` and
    ``event_facts``.
    """
    facts = facts_of(rules)
    if extent is Extent.EVERYTHING:
        execute(connection, SQL["join_base_layer"], base_layer=BASE_LAYER)
    if arrived:
        execute(connection, SQL["join_layer"], layer=layer, file_ids=list(arrived.file_ids))
    if extent is Extent.EVERYTHING:
        _fold_everything(connection, facts, rules, _everything(connection, layer, arrived))
        return
    _create_facts(connection, facts, _of_layer(layer, arrived))
    execute(connection, RULES["find_ranges_to_refold"])
    if execute(connection, SQL["has_ranges_to_refold"]).scalar_one():
        connection.execute(text("analyze ranges_to_refold"))
        for folded in FOLDED:
            execute(connection, RULES["delete_usage_to_refold"], {"table": folded.name})
        _insert(connection, event_facts.name, select_facts(facts, _to_refold(connection)))
    _fold(connection, facts, rules)


@dataclass(frozen=True)
class MeterUse:
    """The events of a layer that a meter matched, and those of them whose property it could not use."""

    code: str
    property: str | None
    events: int
    unusable: int


def count_unusable(connection: Connection, *, layer: int) -> tuple[MeterUse, ...]:
    """Return the meters that could not use some of the events of a layer that they matched, by code."""
    return tuple(
        MeterUse(**row) for row in execute(connection, SQL["count_unusable"], layer=layer).mappings()
    )


def _fold_everything(
    connection: Connection, facts: Facts, rules: Sequence[MeterRule], source: Source
) -> None:
    """Fold all events of a source in place of the usage that was folded before."""
    _create_facts(connection, facts, source)
    with filling(connection, *FOLDED):
        _fold(connection, facts, rules)


def _create_facts(connection: Connection, facts: Facts, source: Source) -> None:
    """Create the facts of a source, slice by slice of its table; a group in several slices has a fact in each."""
    parts = [select_facts(facts, part) for part in _slices(connection, source)]
    create_as(connection, event_facts.name, union_all(*parts), is_parted=len(parts) > 1)


def _fold(connection: Connection, facts: Facts, rules: Sequence[MeterRule]) -> None:
    connection.execute(text(f"analyze {event_facts.name}"))
    folds = select_folded_usage(facts, rules)
    if folds:
        create_as(connection, METERED_TABLE, union_all(*folds), is_parted=len(folds) > 1)
        metered = table(METERED_TABLE, *(column(one.name) for one in folds[0].selected_columns))
        _insert(connection, folded_usage.name, select(metered))
        drop_scratch(connection, METERED_TABLE)
    _insert(connection, folded_matches.name, select_folded_matches(facts, rules))
    for folded in FOLDED:
        connection.execute(text(f"analyze {folded.name}"))


def _everything(connection: Connection, layer: int, arrived: Arrived | None) -> Source:
    """Return all events: those that have arrived in a layer of their own, all others in the base layer."""
    of_layer: ColumnElement[Any] = literal(layer if arrived else BASE_LAYER, Integer)
    if arrived and execute(connection, SQL["has_base_layer"], base_layer=BASE_LAYER).scalar_one():
        is_arrived = is_one_of(events.c.file_id, arrived.file_ids)
        of_layer = case((is_arrived, layer), else_=BASE_LAYER)
    return _source(events, layer=of_layer)


def _of_layer(layer: int, arrived: Arrived | None) -> Source:
    """Return the events that have arrived, or none."""
    of_layer = literal(layer, Integer)
    if arrived is None:
        return _source(events, layer=of_layer, where=false())
    return _source(arrived.events, layer=of_layer)


def _to_refold(connection: Connection) -> Source:
    """Return the events of the ranges that are folded anew."""
    ranges = ranges_to_refold.c
    is_within = and_(
        ranges.customer_no == events.c.customer_no,
        ranges.layer == files.c.layer,
        events.c.at >= ranges.from_at,
        events.c.at < ranges.until_at,
    )
    rows = events.join(files, files.c.file_id == events.c.file_id).join(ranges_to_refold, is_within)
    return _source(events, rows, layer=files.c.layer, where=_scanned(connection))


def _source(
    of: Table,
    rows: FromClause | None = None,
    *,
    layer: ColumnElement[Any],
    where: ColumnElement[bool] | None = None,
) -> Source:
    """Return the events of a table, each in the interval that the boundaries of its customer cut out.

    rows: the table joined to others, if it is. The number of an interval is the number of boundaries before its events.
    """
    return Source(
        events=of,
        rows=(of if rows is None else rows).outerjoin(
            customer_boundaries, customer_boundaries.c.customer_no == of.c.customer_no
        ),
        where=true() if where is None else where,
        layer=layer,
        interval_no=func.coalesce(func.width_bucket(of.c.at, customer_boundaries.c.boundaries), 0),
    )


def _slices(connection: Connection, source: Source) -> list[Source]:
    """Return the source in slices, each a run of pages of its table that one process groups in memory.

    Events are stored as they arrived, mostly in the order of time, so few groups are in several slices. Without slices
    each process met each group, or sorted its events by all dimensions: the facts of 10 meters over 5 million events took
    10 s instead of 7.
    """
    pages: int = execute(connection, SQL["count_pages"], name=source.events.name).scalar_one()
    count = max(1, min(MOST_SLICES, round(pages / SLICE_PAGES)))
    page: ColumnElement[Any] = literal_column(f"{source.events.name}.ctid")
    ends: list[ColumnElement[Any]] = [
        literal_column(f"'({pages * n // count},0)'::tid") for n in range(1, count)
    ]
    within = zip([None, *ends], [*ends, None], strict=True)
    return [
        replace(
            source,
            where=and_(
                source.where,
                true() if begin is None else page >= begin,
                true() if end is None else page < end,
            ),
        )
        for begin, end in within
    ]


def _scanned(connection: Connection) -> ColumnElement[bool]:
    """Return a few ranges of time around all events that are folded anew, as conditions that an index on time can answer."""
    if execute(connection, SQL["has_unbounded_ranges"]).scalar_one():
        return true()
    rows = execute(connection, SQL["read_ranges_to_refold"]).all()
    ranges = pl.DataFrame([tuple(row) for row in rows], schema=["from_at", "until_at"], orient="row")
    return or_(
        false(),
        *(
            and_(events.c.at >= from_at, events.c.at < until_at)
            for from_at, until_at in few_ranges(ranges, most=SCANNED_RANGES).iter_rows()
        ),
    )


def _insert(connection: Connection, name: str, statement: Select[Any]) -> None:
    columns = ", ".join(selected.name for selected in statement.selected_columns)
    execute_bound(connection, f"insert into {name} ({columns})", statement)
