"""Load a catalog, as a publish of its own or with an import: the catalog and its lines change in one transaction."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine

from flows.catalog.apply import apply_catalog
from flows.catalog.result import CatalogResult
from flows.catalog.staged import stage
from flows.database.import_lock import ImportLock, import_lock, locked_transaction
from flows.imports.recompute import Cause, recompute
from flows.imports.request import ImportRequest
from flows.output.progress import ProgressDisplay
from schemas.vocabulary import ImportKind


def load_catalog(
    engine: Engine,
    folder: Path,
    *,
    clock: datetime,
    prune: bool = False,
    reason: str | None = None,
    allow_withdrawn: bool = False,
    wait: bool,
    display: ProgressDisplay,
) -> CatalogResult:
    """Load the catalog of a folder and publish the lines that follow from it, beside no import.

    One catalog judges all rows of an import, so none runs meanwhile. clock, prune: as in `apply_catalog`. wait: wait for
    an import at work instead of raising an error. Raises what `apply_catalog` raises, and UsageImportError if due lines
    would be withdrawn and `allow_withdrawn` is false.
    """
    with (
        import_lock(engine, wait=wait, waiting=display.waiting) as lock,
        display.stage("loading the catalog"),
        locked_transaction(engine, lock) as connection,
    ):
        return publish_catalog(
            connection, folder, clock=clock, prune=prune, reason=reason, allow_withdrawn=allow_withdrawn
        )


def publish_catalog(
    connection: Connection,
    folder: Path,
    *,
    clock: datetime,
    prune: bool = False,
    reason: str | None = None,
    allow_withdrawn: bool = False,
) -> CatalogResult:
    """Apply the catalog of a folder and publish its lines within the caller's transaction; an unchanged one is no publish."""
    applied = apply_catalog(connection, folder, clock=clock, prune=prune, reason=reason)
    if not applied.is_new:
        return applied
    cause = Cause(ImportKind.CATALOG, f"the catalog {folder}", is_allowed=allow_withdrawn)
    ledger = recompute(connection, cause, clock=clock, reason=reason)
    return replace(applied, import_id=ledger.import_id, lines=ledger.lines)


def stage_catalog(engine: Engine, request: ImportRequest, lock: ImportLock) -> CatalogResult:
    """Stage the catalog of a request for its import, which publishes both; return the changes that it will make.

    The caller holds the import lock. The catalog itself stays as it is. Raises what `apply_catalog` raises.
    """
    folder = Path(request.catalog or "")
    clock = request.clock or datetime.now(UTC)
    with locked_transaction(engine, lock) as connection:
        apply = partial(apply_catalog, connection, folder, clock=clock, reason=request.reason)
        return stage(connection, str(folder), apply)


def publish_named_catalog(engine: Engine, request: ImportRequest, lock: ImportLock) -> CatalogResult:
    """Publish the catalog of a request whose files are all known, within the import lock of the caller."""
    with locked_transaction(engine, lock) as connection:
        return publish_catalog(
            connection,
            Path(request.catalog or ""),
            clock=request.clock or datetime.now(UTC),
            reason=request.reason,
            allow_withdrawn=request.allow_withdrawn,
        )
