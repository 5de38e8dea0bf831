"""Send an import through the Prefect flow where an API is configured, else run its stages directly."""

import os
from collections.abc import Callable

from sqlalchemy import Engine

from flows.imports.request import ImportRequest, Pace
from flows.imports.run import run_import
from flows.orchestration.prefect_api import PrefectApi, configured_api, quiet_prefect, require_answer
from flows.output.progress import ProgressDisplay
from schemas.ledger import Ledger

Say = Callable[[str], None]
"""Told lines for people: what takes seconds, where a run can be followed."""


def import_sources(
    engine: Engine, request: ImportRequest, *, wait: bool, pace: Pace, display: ProgressDisplay, say: Say
) -> Ledger:
    """Import through the flow where a Prefect API is configured, else stage by stage; says which in a line."""
    api = configured_api(os.environ)
    if api is None:
        say("no Prefect API is configured, so the stages run directly; 'usage-import up' brings one up")
        return run_import(engine, request, wait=wait, pace=pace, display=display)
    return run_through_prefect(engine, request, api=api, wait=wait, pace=pace, display=display, say=say)


def run_through_prefect(
    engine: Engine,
    request: ImportRequest,
    *,
    api: PrefectApi,
    wait: bool,
    pace: Pace,
    display: ProgressDisplay,
    say: Say,
) -> Ledger:
    """Import through the flow.

    Raises UsageImportError where the API does not answer at the start. One that stops answering later is left behind: the
    import goes on from its last chunk without it.
    """
    require_answer(api)
    say(f"starting Prefect for {api.url} …")
    with quiet_prefect(api):
        from flows.orchestration.import_flow import Listener, run_flow
        from flows.orchestration.prefect_runner import PrefectLostError

        listener = Listener(display=display, say=say)
        try:
            return run_flow(request, wait=wait, listener=listener)
        except PrefectLostError as error:
            say(
                f"the Prefect API at {api.url} stopped answering ({error}); the import goes by the database, without it"
            )
            return listener.ledger or run_import(engine, request, wait=wait, pace=pace, display=display)
