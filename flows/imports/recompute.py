"""Publish without files: a rollup moves the clock, a catalog or a setting changes what lines are made from.

Whatever changes a number is a publish with an id of its own, and recomputes in its own transaction what it changes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, Engine, insert

from flows.catalog.settings import change_setting, read_settings
from flows.database.import_lock import import_lock, locked_transaction
from flows.history.provenance import provenance
from flows.imports.listing import next_id
from flows.imports.publish import prepare, publish
from flows.imports.withdrawals import refuse_withdrawals
from flows.output.instants import instant
from flows.output.progress import ProgressDisplay
from flows.usage.extent import scope_of
from schemas.ledger import Ledger
from schemas.settings import Setting
from schemas.tables.imports import imports
from schemas.tables.working import removed_events
from schemas.vocabulary import ImportKind, ImportStatus


@dataclass(frozen=True)
class Cause:
    """The cause of a publish without files: its kind, its name in messages, and whether it may withdraw due lines."""

    kind: ImportKind
    name: str
    is_allowed: bool


ROLLUP: Final = Cause(ImportKind.ROLLUP, "the rollup", is_allowed=False)


def run_rollup(
    engine: Engine, *, clock: datetime | None, reason: str | None, wait: bool, display: ProgressDisplay
) -> Ledger:
    """Move the clock of the database, publish the lines, and return the ledger.

    Raises UsageImportError if another import holds the lock and `wait` is false.
    """
    with (
        import_lock(engine, wait=wait, waiting=display.waiting) as lock,
        display.stage("rolling up, publishing"),
        locked_transaction(engine, lock) as connection,
    ):
        return recompute(connection, ROLLUP, clock=clock or datetime.now(UTC), reason=reason)


def run_setting_change(
    engine: Engine,
    setting: Setting,
    value: str,
    *,
    reason: str | None,
    allow_withdrawn: bool,
    wait: bool,
    display: ProgressDisplay,
) -> Ledger:
    """Change a setting and publish the lines that follow from it; return the ledger, UNCHANGED for the value that it has.

    Raises ConfigurationError if the value is not valid, and UsageImportError if another import holds the lock and `wait`
    is false, or if due lines would be withdrawn and `allow_withdrawn` is false.
    """
    clock = datetime.now(UTC)
    with (
        import_lock(engine, wait=wait, waiting=display.waiting) as lock,
        display.stage("rolling up, publishing"),
        locked_transaction(engine, lock) as connection,
    ):
        before = read_settings(connection)
        change_setting(connection, setting, value)
        if read_settings(connection) == before:
            return Ledger(status=ImportStatus.UNCHANGED, clock=instant(clock))
        cause = Cause(ImportKind.SETTINGS, f"{setting} {value}", is_allowed=allow_withdrawn)
        return recompute(connection, cause, clock=clock, reason=reason)


def recompute(connection: Connection, cause: Cause, *, clock: datetime, reason: str | None) -> Ledger:
    """Publish the lines for the catalog and the settings as they are in this transaction, as a run of its own.

    Raises WithdrawsDueLinesError if due lines with events would be withdrawn and the cause is not allowed to.
    """
    prepare(connection)
    import_id = next_id(connection, imports.c.import_id)
    connection.execute(
        insert(imports).values(
            import_id=import_id,
            kind=cause.kind,
            status=ImportStatus.LOADING,
            clock=clock,
            sources={"sources": [], "mapping": None},
            **provenance(reason=reason),
        )
    )
    removed_events.create(connection, checkfirst=False)
    moved_to = clock if cause.kind is ImportKind.ROLLUP else None
    published = publish(connection, scope_of(connection), import_id=import_id, clock=moved_to, arrived=None)
    refuse_withdrawals(
        connection,
        published.lines,
        import_id=import_id,
        cause=cause.name,
        is_allowed=cause.is_allowed,
        reason=reason,
    )
    return Ledger(
        import_id=import_id,
        status=ImportStatus.PUBLISHED,
        clock=instant(clock),
        lines=published.lines,
        lines_changed=published.lines.total,
    )
