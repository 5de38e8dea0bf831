"""Send an import through the Prefect flow if an API is configured, else run its stages directly."""

import os
from collections.abc import Callable

from sqlalchemy import Engine

from flows.imports.request import ImportRequest, pace
from flows.imports.run import ImportResult, run_import
from flows.imports.runner import ThreadRunner
from flows.orchestration.prefect_api import PrefectApi, configured_api, quiet_prefect, require_answer
from flows.output.progress import ProgressDisplay

Say = Callable[[str], None]
"""Called with each line for people: what takes seconds, where a run can be followed."""


def import_sources(
    engine: Engine, request: ImportRequest, *, display: ProgressDisplay, say: Say
) -> ImportResult:
    """Import through the flow if an API is configured, else stage by stage; says which in a line."""
    api = configured_api(os.environ)
    if api is None:
        say("no Prefect API is configured, so the stages run directly; 'usage-import up' brings one up")
        return import_directly(engine, request, display=display)
    return import_through_prefect(engine, request, api=api, display=display, say=say)


def import_directly(engine: Engine, request: ImportRequest, *, display: ProgressDisplay) -> ImportResult:
    """Import without Prefect, the stages in this process."""
    return run_import(request, ThreadRunner(engine, pace=pace(), display=display))


def import_through_prefect(
    engine: Engine, request: ImportRequest, *, api: PrefectApi, display: ProgressDisplay, say: Say
) -> ImportResult:
    """Import through the flow.

    Raises UsageImportError if the API does not answer at the start. If it stops answering later, the import goes on from
    its last chunk without it.
    """
    require_answer(api)
    say(f"starting Prefect for {api.name} …")
    with quiet_prefect(api):
        from flows.orchestration.import_flow import PrefectLostError, run_flow

        try:
            return run_flow(request, display=display, say=say)
        except PrefectLostError as error:
            say(
                f"the Prefect API at {api.name} stopped answering ({error}); the import goes by the database, without it"
            )
            return error.result or import_directly(engine, request, display=display)
