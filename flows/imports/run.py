"""Run the stages of an import in order."""

from sqlalchemy import Engine

from flows.database.import_lock import import_lock
from flows.imports.begin import begin_import
from flows.imports.finish import finish_import
from flows.imports.ledger import unchanged_ledger
from flows.imports.listing import identify_sources
from flows.imports.request import ImportRequest, Pace
from flows.imports.runner import load_files
from flows.output.progress import ProgressDisplay
from schemas.ledger import Ledger


def run_import(
    engine: Engine, request: ImportRequest, *, wait: bool, pace: Pace, display: ProgressDisplay
) -> Ledger:
    """Import some sources; the ledger says what came of it, also where the import failed for its rows."""
    with import_lock(engine, wait=wait):
        with display.stage("hashing"):
            hashed = identify_sources(request.sources)
        plan = begin_import(engine, request, hashed)
        if plan.is_unchanged and not plan.is_resumed:
            return unchanged_ledger(engine, plan)
        load_files(engine, plan, pace=pace, display=display)
        with display.stage("settling, rolling up, publishing"):
            return finish_import(engine, plan)
