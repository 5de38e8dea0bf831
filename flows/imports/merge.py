"""Move the rows that count into ``events``, and keep the versions and duplicates that do not."""

from contextlib import nullcontext
from typing import Final

from sqlalchemy import Connection, Table, text
from sqlalchemy.schema import SetTableComment

from flows.database.exclusive import empty, try_lock_exclusive, unindexed
from flows.database.execute import execute
from schemas.tables.events import EVENT_COLUMNS, EVENTS_FILL, arrivals, duplicates, events
from schemas.tables.working import removed_events
from transforms.statements import statements

SQL: Final = statements("flows/imports/merge.sql")


def list_removed_events(connection: Connection) -> None:
    """Create the table ``removed_events`` and list there the events that :func:`merge` will replace."""
    removed_events.create(connection, checkfirst=False)
    execute(connection, SQL["list_removed_events"])


def merge(connection: Connection, *, import_id: int, is_any_current: bool) -> Table:
    """Move the rows that count into ``events``, and keep duplicates, superseded and stale versions.

    is_any_current: whether any row is new or a correction, as the ledger counts them. Reads the tables that
    :func:`flows.imports.deduplicate.deduplicate` leaves.
    Returns a table with exactly the events of the import that count: ``events`` itself, or the staging table.
    """
    staged = arrivals(import_id)
    _keep_uncounted(connection, import_id)
    if not is_any_current:
        empty(connection, staged)
        return staged
    names = {"arrivals": staged.name, "columns": ", ".join(EVENT_COLUMNS), "events_fill": str(EVENTS_FILL)}
    is_own = try_lock_exclusive(connection, staged)
    is_adoptable = execute(connection, SQL["is_adoptable"], names).scalar_one()
    is_mostly_known = execute(connection, SQL["is_mostly_known"], names).scalar_one()
    _remove_uncounted(connection, names)
    if is_own and is_mostly_known:
        _replace_by_rest(connection, names)
    else:
        execute(connection, SQL["remove_duplicate_rows"], names)
    if is_own and is_adoptable and try_lock_exclusive(connection, events):
        _adopt(connection, staged)
        return events
    execute(connection, SQL["remove_replaced_events"])
    execute(connection, SQL["add_events"], names)
    return staged


def keep_counted(connection: Connection, *, import_id: int) -> Table:
    """Reduce the staging table of an import to the events that count, and return it."""
    staged = arrivals(import_id)
    names = {"arrivals": staged.name}
    _remove_uncounted(connection, names)
    execute(connection, SQL["remove_duplicate_rows"], names)
    return staged


def _remove_uncounted(connection: Connection, names: dict[str, str]) -> None:
    """Remove the contested rows that do not count from the staging table, and set the times that outcomes decide."""
    execute(connection, SQL["remove_uncounted_rows"], names)
    execute(connection, SQL["take_outcome_times"], names)


def _keep_uncounted(connection: Connection, import_id: int) -> None:
    """Keep the duplicates, and the versions that do not count."""
    # If there are more duplicates than ever before, an index made anew takes half the time of one grown row by row.
    is_rebuilt = execute(connection, SQL["has_more_known_rows"]).scalar_one()
    with unindexed(connection, duplicates) if is_rebuilt else nullcontext():
        execute(connection, SQL["keep_duplicates"])
    names = {
        "columns": ", ".join(EVENT_COLUMNS),
        "event_columns": ", ".join(f"e.{column}" for column in EVENT_COLUMNS),
        "row_columns": ", ".join(f"r.{column}" for column in EVENT_COLUMNS),
    }
    for name in ("keep_replaced_events", "keep_uncounted_rows"):
        execute(connection, SQL[name], names, import_id=import_id)


def _replace_by_rest(connection: Connection, names: dict[str, str]) -> None:
    """Replace the staging table by one without its plain duplicates.

    If most rows are duplicates, this takes less time than to delete them: half a second of 11 s for a million rows.
    """
    staged = names["arrivals"]
    connection.execute(text(f"create table {staged}_rest (like {staged})"))
    execute(connection, SQL["copy_other_rows"], names)
    connection.execute(text(f"drop table {staged}"))
    connection.execute(text(f"alter table {staged}_rest rename to {staged}"))


def _adopt(connection: Connection, staged: Table) -> None:
    """Let the staging table become ``events``.

    To copy a million rows takes 2 s, and to grow the indexes row by row 8 s more.
    """
    connection.execute(text("drop table events"))
    connection.execute(text(f"alter table {staged.name} rename to events"))
    connection.execute(text("alter table events reset (autovacuum_enabled)"))
    connection.execute(text(f"alter table events set (fillfactor = {EVENTS_FILL})"))
    connection.execute(SetTableComment(events))
    for index in events.indexes:
        index.create(connection)
