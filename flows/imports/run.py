"""Run the stages of an import in order: the table of contents of an import, whatever runs its stages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from sqlalchemy import Engine

from flows.catalog.result import CatalogResult
from flows.database.import_lock import ImportLock, import_lock
from flows.imports.begin import OpenImport, begin_import
from flows.imports.endings import is_final
from flows.imports.finish import fail_import, finish_import
from flows.imports.ledger import unchanged_ledger
from flows.imports.listing import HashedSource, identify_sources
from flows.imports.load import load_import_file
from flows.imports.load_catalog import publish_named_catalog, stage_catalog
from flows.imports.request import ImportRequest
from flows.imports.runner import Runner
from schemas.errors import UsageImportError
from schemas.ledger import Ledger
from schemas.vocabulary import ImportStatus

LOAD_CATALOG: Final = "load catalog"
PUBLISH_CATALOG: Final = "publish catalog"
LIST_AND_HASH: Final = "list and hash sources"
BEGIN: Final = "begin"
LOAD: Final = "load"
FINISH: Final = "deduplicate, roll up and publish"


@dataclass(frozen=True)
class ImportResult:
    """The end of an import: its ledger, the catalog it loaded, and the error of a file that could not be read."""

    ledger: Ledger
    catalog: CatalogResult | None = None
    error: UsageImportError | None = None


def run_import(request: ImportRequest, runner: Runner) -> ImportResult:
    """Import the sources of a request, beside no other import.

    An import that fails for its rows or for a file that cannot be read has a ledger that says so. Raises UsageImportError
    if the import does not begin, or if something outside does not answer; then the same request goes on from there.
    """
    display = runner.display
    with import_lock(runner.engine, wait=request.wait, waiting=display.waiting) as lock:
        catalog = None
        if request.catalog is not None:
            with display.stage("loading the catalog"):
                catalog = runner.stage(LOAD_CATALOG, stage_catalog, request, lock)
        with display.stage("hashing"):
            hashed = runner.stage(LIST_AND_HASH, hash_sources, request.sources)
        opened = runner.stage(BEGIN, begin_import, request, hashed, lock)
        if opened.is_unchanged and not opened.is_resumed:
            if catalog is not None and catalog.is_new:
                catalog = runner.stage(PUBLISH_CATALOG, publish_named_catalog, request, lock)
            return ImportResult(unchanged_ledger(runner.engine, opened), catalog)
        try:
            load_files(opened, runner, lock)
        except UsageImportError as error:
            if not is_final(error):
                raise
            return ImportResult(fail_import(runner.engine, opened, lock, str(error)), catalog, error)
        with display.stage("deduplicating, rolling up, publishing"):
            ledger = runner.stage(FINISH, finish_import, opened, lock)
        if catalog is not None and catalog.is_new and ledger.status == ImportStatus.PUBLISHED:
            catalog = replace(catalog, import_id=ledger.import_id, lines=ledger.lines)
        return ImportResult(ledger, catalog)


def hash_sources(_: Engine, sources: Sequence[str]) -> tuple[HashedSource, ...]:
    """Return the files of some sources in the order of their places, each with its hash."""
    return identify_sources(sources)


def load_files(opened: OpenImport, runner: Runner, lock: ImportLock) -> None:
    """Load the files of an import that are not known yet, side by side."""
    files = [file for file in opened.files if not file.is_unchanged]
    runner.display.expect(sum(file.size for file in files), files=len(files))
    chunk = runner.pace.chunk(files=len(files))
    load = partial(load_import_file, opened=replace(opened, files=()), lock=lock, chunk=chunk)
    runner.side_by_side(LOAD, load, files)
