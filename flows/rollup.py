"""Rolling up: daily usage recomputed from events, for the customer-days that were touched or for all.

Nothing is incremented: a touched customer-day is rebuilt from all its events, so what some days' work gives always equals
a rebuild from scratch. Everything here runs inside the transaction that publishes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import polars as pl
from psycopg import ClientCursor
from psycopg import Connection as PsycopgConnection
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Select,
    and_,
    any_,
    column,
    false,
    func,
    insert,
    literal,
    or_,
    table,
    text,
)
from sqlalchemy.sql.elements import Grouping

from schemas.tables import INSTANT, daily_matches, daily_usage, events
from transforms.days import day_starts
from transforms.meters import (
    FACTS_TABLE,
    Facts,
    MeterRule,
    facts_of,
    select_arrived_unusable,
    select_daily_matches,
    select_daily_usage,
    select_facts,
)

SCANNED_RANGES: Final = 8
"""Touched days are read in at most so many ranges of time, each a bitmap scan of the index on time."""

REACH: Final = timedelta(days=2)
"""A local day lies within this of the UTC day of any of its instants."""

DAYS_OF_TOUCHED: Final = "select distinct (at at time zone 'UTC')::date from touched"
DAYS_OF_EVENTS: Final = "select distinct (at at time zone 'UTC')::date from events"
CREATE_DIRTY_DAYS: Final = "create temporary table dirty_days (customer_no int, day date) on commit drop"
FORGET_DIRTY: Final = (
    "delete from {table} u using dirty_days d where u.customer_no = d.customer_no and u.day = d.day"
)
FORGET_ALL: Final = "truncate {table}"


@dataclass(frozen=True)
class RolledUp:
    """What the lines and the ledger need of a rollup: the facts it was made from."""

    facts: Facts
    rules: tuple[MeterRule, ...]
    is_everything: bool


def roll_up(
    connection: Connection,
    rules: Sequence[MeterRule],
    *,
    zone: str,
    is_everything: bool,
    arrived_files: Sequence[int],
) -> RolledUp:
    """Recompute the daily usage of the customer-days in the table ``touched``, or of all.

    arrived_files: the files whose events the ledger counts apart. Leaves temporary tables ``dirty_days`` (customer_no,
    day; only where not everything is recomputed) and ``facts``.
    """
    days = local_days(zone, connection.scalars(text(DAYS_OF_EVENTS if is_everything else DAYS_OF_TOUCHED)))
    day = _day_of(events.c.at, days)
    is_arrived: ColumnElement[bool] = (
        events.c.file_id == any_(literal(list(arrived_files), ARRAY(events.c.file_id.type)))
        if arrived_files
        else false()
    )
    facts = facts_of(rules)
    source = events if is_everything else _dirty_events(connection, days, day)
    statement = select_facts(facts, source=source, day=day, is_arrived=is_arrived)
    if not is_everything:
        statement = statement.where(or_(false(), *_scanned(connection, days)))
    create_as(connection, FACTS_TABLE, statement)
    connection.execute(text(f"analyze {FACTS_TABLE}"))
    with _refilled(connection, is_everything=is_everything):
        for rule in rules:
            if rule.is_supported:
                _insert(connection, daily_usage.name, select_daily_usage(facts, rule))
        _insert(connection, daily_matches.name, select_daily_matches(facts, rules, arrived_only=False))
    return RolledUp(facts, tuple(rules), is_everything)


@contextmanager
def _refilled(connection: Connection, *, is_everything: bool) -> Iterator[None]:
    """The daily tables without what is recomputed; emptied ones get their indexes back when they are full again."""
    tables = (daily_usage, daily_matches)
    for kept in tables:
        connection.execute(text((FORGET_ALL if is_everything else FORGET_DIRTY).format(table=kept.name)))
    indexes = [index for kept in tables for index in kept.indexes] if is_everything else []
    for index in indexes:
        index.drop(connection)
    yield
    for index in indexes:
        index.create(connection)
    if is_everything:
        for kept in tables:
            connection.execute(text(f"analyze {kept.name}"))


def count_unusable(connection: Connection, rolled_up: RolledUp) -> int:
    """How many (event, meter) pairs of the arrived files a meter matched and could not use."""
    return sum(
        int(connection.scalar(select_arrived_unusable(rolled_up.facts, rule)) or 0)
        for rule in rolled_up.rules
        if rule.is_supported
    )


def local_days(zone: str, utc_days: Iterable[date]) -> pl.DataFrame:
    """The days of a zone that the instants of some UTC days can lie on: day, start_at, end_at, in order."""
    near = sorted({near for day in utc_days for near in _around(day)})
    runs: list[list[date]] = []
    for day in near:
        if runs and (day - runs[-1][-1]).days == 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    frames = [day_starts(zone, first=run[0], last=run[-1]) for run in runs]
    if not frames:
        return day_starts(zone, first=date(1970, 1, 1), last=date(1970, 1, 1)).clear()
    return pl.concat(frames)


def _around(day: date) -> Iterable[date]:
    first, last = (
        max(day.toordinal() - REACH.days, 1),
        min(day.toordinal() + REACH.days, date.max.toordinal()),
    )
    return map(date.fromordinal, range(first, last + 1))


def _day_of(instant: ColumnElement[datetime], days: pl.DataFrame) -> ColumnElement[date]:
    """The day of a zone that an instant lies on: the last one that begins at or before it."""
    starts = literal(days["start_at"].to_list(), ARRAY(INSTANT))
    names = literal(days["day"].to_list(), ARRAY(Date))
    return Grouping(names)[func.width_bucket(instant, starts)]


def _dirty_events(connection: Connection, days: pl.DataFrame, day: ColumnElement[date]) -> FromClause:
    """The events of the customer-days touched, whose table this fills."""
    connection.execute(text(CREATE_DIRTY_DAYS))
    touched = table("touched", column("customer_no"), column("at"))
    dirty = table("dirty_days", column("customer_no"), column("day"))
    found = touched.select().with_only_columns(touched.c.customer_no, _day_of(touched.c.at, days)).distinct()
    connection.execute(insert(dirty).from_select(["customer_no", "day"], found))
    connection.execute(text("analyze dirty_days"))
    return events.join(dirty, and_(dirty.c.customer_no == events.c.customer_no, dirty.c.day == day))


def _scanned(connection: Connection, days: pl.DataFrame) -> list[ColumnElement[bool]]:
    """The ranges of time that hold all dirty days, as conditions an index on time can answer."""
    dirty = pl.Series(
        "day", list(connection.scalars(text("select distinct day from dirty_days"))), dtype=pl.Date
    )
    spans = days.join(dirty.to_frame(), on="day").sort("start_at")
    gaps = (spans["start_at"] - spans["end_at"].shift(1)).dt.total_microseconds()
    widest = (
        set(gaps.arg_sort(descending=True, nulls_last=True).head(SCANNED_RANGES - 1))
        if spans.height
        else set()
    )
    ranges: list[tuple[datetime, datetime]] = []
    for index, (start_at, end_at) in enumerate(spans.select("start_at", "end_at").iter_rows()):
        if ranges and index not in widest:
            ranges[-1] = (ranges[-1][0], end_at)
        else:
            ranges.append((start_at, end_at))
    return [and_(events.c.at >= start_at, events.c.at < end_at) for start_at, end_at in ranges]


def _insert(connection: Connection, name: str, statement: Select[Any]) -> None:
    columns = [selected.name for selected in statement.selected_columns]
    connection.execute(insert(table(name, *(column(c) for c in columns))).from_select(columns, statement))


def create_as(connection: Connection, name: str, statement: Select[Any]) -> None:
    """Keep what a statement selects in a temporary table until the transaction ends.

    The driver binds on the client: Postgres takes no parameters in ``CREATE TABLE AS``, and unlike ``INSERT … SELECT``
    that one reads in parallel.
    """
    compiled = statement.compile(connection, compile_kwargs={"render_postcompile": True})
    driver = connection.connection.driver_connection
    if not isinstance(driver, PsycopgConnection):
        raise TypeError(f"the rollup needs psycopg, not {type(driver).__name__}")
    processors: Mapping[str, Any] = compiled._bind_processors  # noqa: SLF001 - what execute() itself applies
    bound = {
        name: processors[name](value) if name in processors else value
        for name, value in compiled.params.items()
    }
    with ClientCursor(driver) as cursor:
        cursor.execute(f"create temporary table {name} on commit drop as {compiled}", bound)
