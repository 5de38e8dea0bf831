"""Recompute the usage lines as a run of its own: a rollup."""

from datetime import UTC, datetime

from sqlalchemy import Engine, insert

from flows.database.import_lock import import_lock
from flows.history.provenance import provenance
from flows.imports.listing import next_id
from flows.imports.publish import prepare, publish
from flows.output.instants import instant
from flows.output.progress import ProgressDisplay
from flows.usage.extent import scope_of
from schemas.ledger import Ledger
from schemas.tables.imports import imports
from schemas.tables.working import removed_events
from schemas.vocabulary import ImportKind, ImportStatus


def run_rollup(
    engine: Engine, *, clock: datetime | None, reason: str | None, wait: bool, display: ProgressDisplay
) -> Ledger:
    """Recompute the usage lines for the catalog, settings and clock of now, and publish them; return the ledger.

    Raises UsageImportError if another import holds the lock and `wait` is false.
    """
    with (
        import_lock(engine, wait=wait, waiting=display.waiting),
        display.stage("rolling up, publishing"),
        engine.begin() as connection,
    ):
        prepare(connection)
        import_id = next_id(connection, imports.c.import_id)
        read_at = clock or datetime.now(UTC)
        connection.execute(
            insert(imports).values(
                import_id=import_id,
                kind=ImportKind.ROLLUP,
                status=ImportStatus.LOADING,
                clock=read_at,
                sources={"sources": [], "mapping": None},
                **provenance(reason=reason),
            )
        )
        removed_events.create(connection, checkfirst=False)
        published = publish(
            connection, scope_of(connection), import_id=import_id, clock=read_at, arrived=None
        )
    return Ledger(
        import_id=import_id,
        status=ImportStatus.PUBLISHED,
        clock=instant(read_at),
        lines_changed=published.lines_changed,
    )
