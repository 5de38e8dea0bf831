"""Rolling up: usage folded from events, layer by layer, between the boundaries of each customer's periods.

A **interval_no** is the time of a customer between two neighbouring boundaries of its contracts and their periods, so all of it lies
in one period of each of them. A **layer** is some files whose events are folded together: those of an import make one of
their own, and a rebuild of everything puts all older ones into layer 0. So an import folds its own events alone, whenever
they happened; where it takes events away from an older layer, that layer's interval_no is folded anew from the events left.
Nothing is incremented: what is stored of a layer and interval_no is always a fold of its events. Everything here runs inside
the transaction that publishes.
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
from flows.database.read import is_one_of
from flows.database.unlogged import create_as, drop_scratch, execute_bound
from schemas.tables.events import events
from schemas.tables.imports import files
from schemas.tables.usage import customer_boundaries, folded_matches, folded_usage
from transforms.usage.facts import FACTS_TABLE, Source, facts_of, select_facts
from transforms.usage.folds import select_folded_matches, select_folded_usage
from transforms.usage.meters import Facts, MeterRule
from transforms.usage.ranges import few_ranges

BASE_LAYER: Final = 0
"""The layer of all files that a rebuild of everything has folded together."""

SCANNED_RANGES: Final = 8
"""What is folded anew is read in at most so many ranges of time, each a bitmap scan of the index on time."""

SLICE_PAGES: Final = 16_384
"""Pages of a slice, 128 MiB, some 600,000 events; half or twice of it took a seventh longer for 10 meters."""

MOST_SLICES: Final = 16
"""Beyond so many, slices grow instead: each makes the statement longer by all that meters ask."""

COUNT_PAGES: Final = "select pg_relation_size(cast(:name as regclass)) / current_setting('block_size')::int"

METERED_TABLE: Final = "scratch_metered"
"""The usage of all meters on its way to ``folded_usage``: what is inserted straight into it is folded by one process."""

FOLDED: Final = (folded_usage, folded_matches)


JOIN_BASE: Final = f"update files set layer = {BASE_LAYER} where layer <> {BASE_LAYER}"
JOIN_LAYER: Final = "update files set layer = :layer where file_id = any(:file_ids)"
HAS_BASE: Final = f"select exists (select from files where layer = {BASE_LAYER})"

FIND_DIRTY: Final = """
    create temporary table dirty on commit drop as
    with folded as (
        select customer_no, layer, first_at, last_at from folded_usage
        union all select customer_no, layer, first_at, last_at from folded_matches
    ), recut as (
        select distinct customer_no from folded join customer_boundaries using (customer_no)
        where :is_recut and width_bucket(first_at, boundaries) <> width_bucket(last_at, boundaries)
    )
    select distinct customer_no, layer, timestamptz '-infinity' as from_at, timestamptz 'infinity' as until_at
    from folded where customer_no in (select customer_no from recut)
    union all
    select distinct customer_no, layer, coalesce(boundaries[width_bucket(at, boundaries)], '-infinity'),
           coalesce(boundaries[width_bucket(at, boundaries) + 1], 'infinity')
    from removed_events join files using (file_id) left join customer_boundaries using (customer_no)
    where customer_no not in (select customer_no from recut)
"""
"""What of older layers is folded anew: stretches that lost an event, and customers with an boundary where none was before."""

FORGET_DIRTY: Final = """
    delete from {table} u using dirty d
    where u.customer_no = d.customer_no and u.layer = d.layer and u.first_at >= d.from_at and u.first_at < d.until_at
"""

READ_DIRTY_RANGES: Final = (
    "select distinct from_at, until_at from dirty where isfinite(from_at) and isfinite(until_at)"
)
HAS_ENDLESS: Final = "select exists (select from dirty where not (isfinite(from_at) and isfinite(until_at)))"
COUNT_UNUSABLE: Final = (
    "select coalesce(sum(unusable_count), 0)::bigint from folded_usage where layer = :layer"
)


@dataclass(frozen=True)
class Arrived:
    """What an import adds: its files, and a table of exactly the events of theirs that count."""

    file_ids: tuple[int, ...]
    events: Table


def roll_up(
    connection: Connection,
    rules: Sequence[MeterRule],
    *,
    layer: int,
    arrived: Arrived | None,
    is_everything: bool,
    is_recut: bool,
) -> None:
    """Fold the events that have arrived into a layer of their own, and anew what of older layers has changed, or everything.

    is_recut: ``customer_boundaries`` may have boundaries where none were before. Needs the table ``removed_events`` (customer_no, file_id, at)
    of events taken away. Leaves a temporary table ``dirty`` (customer_no, layer, from_at, until_at), and the facts.
    """
    facts = facts_of(rules)
    if is_everything:
        connection.execute(text(JOIN_BASE))
    if arrived:
        connection.execute(text(JOIN_LAYER), {"layer": layer, "file_ids": list(arrived.file_ids)})
    if is_everything:
        _fold_everything(connection, facts, rules, _everything(connection, layer, arrived))
        return
    _create_facts(connection, facts, _of_layer(layer, arrived))
    connection.execute(text(FIND_DIRTY), {"is_recut": is_recut})
    if connection.scalar(text("select exists (select from dirty)")):
        connection.execute(text("analyze dirty"))
        for kept in FOLDED:
            connection.execute(text(FORGET_DIRTY.format(table=kept.name)))
        _insert(connection, FACTS_TABLE, select_facts(facts, _dirty(connection)))
    _fold(connection, facts, rules)


def count_unusable(connection: Connection, *, layer: int) -> int:
    """How many (event, meter) pairs of a layer a meter matched and could not use."""
    return connection.scalar(text(COUNT_UNUSABLE), {"layer": layer}) or 0


def _fold_everything(
    connection: Connection, facts: Facts, rules: Sequence[MeterRule], source: Source
) -> None:
    """Fold all events of a source, and nothing of what was folded before stays."""
    _create_facts(connection, facts, source)
    with filling(connection, *FOLDED):
        _fold(connection, facts, rules)


def _create_facts(connection: Connection, facts: Facts, source: Source) -> None:
    """Make the facts of a source, slice by slice of its table: what falls into several slices has a fact in each."""
    parts = [select_facts(facts, part) for part in _slices(connection, source)]
    create_as(connection, FACTS_TABLE, union_all(*parts), is_parted=len(parts) > 1)


def _fold(connection: Connection, facts: Facts, rules: Sequence[MeterRule]) -> None:
    connection.execute(text(f"analyze {FACTS_TABLE}"))
    folds = select_folded_usage(facts, rules)
    if folds:
        create_as(connection, METERED_TABLE, union_all(*folds), is_parted=len(folds) > 1)
        metered = table(METERED_TABLE, *(column(one.name) for one in folds[0].selected_columns))
        _insert(connection, folded_usage.name, select(metered))
        drop_scratch(connection, METERED_TABLE)
    _insert(connection, folded_matches.name, select_folded_matches(facts, rules))
    for kept in FOLDED:
        connection.execute(text(f"analyze {kept.name}"))


def _everything(connection: Connection, layer: int, arrived: Arrived | None) -> Source:
    """All events; those that have arrived in their own layer, all others in the base."""
    told: ColumnElement[Any] = literal(layer if arrived else BASE_LAYER, Integer)
    if arrived and connection.scalar(text(HAS_BASE)):
        is_arrived = is_one_of(events.c.file_id, arrived.file_ids)
        told = case((is_arrived, layer), else_=BASE_LAYER)
    return _source(events, layer=told)


def _of_layer(layer: int, arrived: Arrived | None) -> Source:
    """The events that have arrived; none where nothing has."""
    told = literal(layer, Integer)
    return _source(arrived.events, layer=told) if arrived else _source(events, layer=told, where=false())


def _dirty(connection: Connection) -> Source:
    """The events of what the table ``dirty`` says."""
    dirty = table("dirty", column("customer_no"), column("layer"), column("from_at"), column("until_at"))
    is_dirty = and_(
        dirty.c.customer_no == events.c.customer_no,
        dirty.c.layer == files.c.layer,
        events.c.at >= dirty.c.from_at,
        events.c.at < dirty.c.until_at,
    )
    rows = events.join(files, files.c.file_id == events.c.file_id).join(dirty, is_dirty)
    return _source(events, rows, layer=files.c.layer, where=_scanned(connection))


def _source(
    of: Table,
    rows: FromClause | None = None,
    *,
    layer: ColumnElement[Any],
    where: ColumnElement[bool] | None = None,
) -> Source:
    """Events of a table, maybe joined, each in the interval_no that the boundaries of its customer cut out.

    A interval_no is named by how many boundaries come before its events.
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
    """The source cut into runs of pages of its table, so that each is grouped by one process, in memory.

    Events lie as they came, mostly in the order of time, so that few groups are in several slices. Made in one piece, each
    process met each group, or sorted its events by all that parts them: the facts of 10 meters over 5 million events took
    10 s instead of 7.
    """
    pages = connection.scalar(text(COUNT_PAGES), {"name": source.events.name}) or 0
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
    """Few ranges of time that hold all that is dirty, as conditions an index on time can answer."""
    if connection.scalar(text(HAS_ENDLESS)):
        return true()
    rows = connection.execute(text(READ_DIRTY_RANGES)).all()
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
