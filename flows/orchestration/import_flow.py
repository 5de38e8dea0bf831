"""The import as a Prefect flow: `run_import` with its stages as tasks, and artifacts at its end.

No address and no password of the database is ever a parameter: the flow and its tasks open the database that the
environment names. The flow keeps it up, and holds the import lock, from the first stage to the last.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import wraps
from typing import Annotated, Any, Final

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Completed, Failed
from prefect.utilities.urls import url_for
from pydantic import AwareDatetime, Field

from flows.database.connection import open_database
from flows.database.embedded.installation import URL_VARIABLE
from flows.database.session import place_of
from flows.imports.clock import refuse_far_clock
from flows.imports.request import ImportRequest, pace
from flows.imports.run import ImportResult, run_import
from flows.orchestration.artifacts import keep_artifacts
from flows.orchestration.prefect_api import STACK_VARIABLE
from flows.orchestration.prefect_runner import PrefectRunner
from flows.orchestration.run_names import canonical_line, run_name
from flows.output.progress import NoDisplay, ProgressDisplay
from schemas.errors import ConfigurationError, UsageImportError
from schemas.vocabulary import ImportStatus
from transforms.values.credentials import SIGNED_SOURCE

NO_DATABASE: Final = (
    f"{URL_VARIABLE} is not set where this flow runs; name the database in the environment of its worker, or use "
    "'usage-import up'"
)

WRITE_ARTIFACTS: Final = "write artifacts"


class PrefectLostError(Exception):
    """The end of Prefect, not of the import; `result` is the import's, if it had already ended."""

    def __init__(self, error: Exception, result: ImportResult | None) -> None:
        super().__init__(type(error).__name__)
        self.result = result


@flow(
    name="import-usage",
    description="Turns exports of usage events into invoice-ready usage lines: exact, restartable, explainable.",
    flow_run_name=run_name,
    persist_result=False,
)
def import_usage(
    sources: list[Annotated[str, Field(json_schema_extra={"pattern": SIGNED_SOURCE})]],
    catalog: str | None = None,
    mapping: str | None = None,
    clock: AwareDatetime | None = None,
    future: bool = False,  # noqa: FBT001, FBT002 (Prefect shows it as a switch of its form)
    max_rejected: Annotated[Decimal, Field(ge=0, le=1)] | None = None,
    set_aside: bool = False,  # noqa: FBT001, FBT002 (Prefect shows it as a switch of its form)
    max_unassigned: Annotated[Decimal, Field(ge=0, le=1)] | None = None,
    allow_withdrawn: bool = False,  # noqa: FBT001, FBT002 (Prefect shows it as a switch of its form)
    reason: str | None = None,
    wait: bool = True,  # noqa: FBT001, FBT002 (Prefect shows it as a switch of its form)
) -> State[Any]:
    """Import usage events.

    Args:
        sources: files, folders, globs or s3://, gs://, az:// URLs
        catalog: a folder with customers, meters, plans and contracts to load with the import
        mapping: a TOML file that says how the sources' columns become fields
        clock: the instant to go by instead of now
        future: take a clock that is ahead of the machine's, for tests and replays
        max_rejected: the share of rows above which the import fails, 0.05 for 5 %, as without it
        set_aside: leave out files above that share, and those that cannot be read, instead of failing
        max_unassigned: the share of events on no line above which the import has a warning, 0.05 as without it
        allow_withdrawn: withdraw due lines if the catalog asks for it; needs a reason
        reason: kept in the history
        wait: wait for an import at work instead of giving up
    """
    if not (os.environ.get(URL_VARIABLE, "").strip() or os.environ.get(STACK_VARIABLE)):
        return Failed(message=NO_DATABASE, data=ConfigurationError(NO_DATABASE))
    try:
        refuse_far_clock(clock, is_future=future)
        request = ImportRequest(
            sources=tuple(sources),
            catalog=catalog,
            mapping_file=mapping,
            clock=clock,
            max_rejected=max_rejected,
            set_aside=set_aside,
            max_unassigned=max_unassigned,
            allow_withdrawn=allow_withdrawn,
            reason=reason,
            wait=wait,
        )
    except ConfigurationError as error:
        return Failed(message=str(error), data=error)
    return run_in_flow(request, display=NoDisplay(), results=[])


def run_in_flow(
    request: ImportRequest, *, display: ProgressDisplay, results: list[ImportResult]
) -> State[Any]:
    """Import within the current flow run and return its last state, whose message is the end of the import in one line.

    results: takes the import's result as soon as there is one, so that it is known even if Prefect is lost afterwards.
    """
    try:
        with open_database() as engine:
            get_run_logger().info("imports into %s", place_of(engine))
            runner = PrefectRunner(engine, pace=pace(), display=display)
            result = run_import(replace(request, flow_run_id=flow_run.id), runner)
            results.append(result)
            if result.ledger.status != ImportStatus.UNCHANGED:
                runner.stage(WRITE_ARTIFACTS, keep_artifacts, result.ledger)
    except UsageImportError as error:
        return Failed(message=str(error), data=error)
    if result.ledger.status == ImportStatus.FAILED:
        get_run_logger().error(result.ledger.message)
        return Failed(message=result.ledger.message)
    for warning in result.ledger.warnings:
        get_run_logger().warning("%s", warning)
    line = canonical_line(result.ledger)
    get_run_logger().info("%s", line)
    return Completed(message=line)


def run_flow(request: ImportRequest, *, display: ProgressDisplay, say: Callable[[str], None]) -> ImportResult:
    """Call the flow in this process for a person who looks on, and return the result of the import.

    Raises what the stages raise, and PrefectLostError if Prefect itself could not go on.
    """
    results: list[ImportResult] = []

    @wraps(import_usage.fn)
    def run_attended(*_: Any, **__: Any) -> State[Any]:
        say(f"this run: {url_for('flow-run', obj_id=flow_run.id)}")
        return run_in_flow(request, display=display, results=results)

    attended = flow(
        name=import_usage.name,
        description=import_usage.description,
        flow_run_name=run_name,
        persist_result=False,
    )(run_attended)
    try:
        with temporary_settings(
            {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
        ):  # its end waits a second for the next beat
            state: State[Any] = attended(**parameters(request), return_state=True)
    except Exception as error:
        raise PrefectLostError(error, results[0] if results else None) from error
    if results:
        return results[0]
    raise state.result(raise_on_failure=False)


def parameters(request: ImportRequest) -> dict[str, Any]:
    """Return a request as the parameters of the flow."""
    return {
        "sources": list(request.sources),
        "catalog": request.catalog,
        "mapping": request.mapping_file,
        "clock": request.clock,
        "max_rejected": request.max_rejected,
        "set_aside": request.set_aside,
        "max_unassigned": request.max_unassigned,
        "allow_withdrawn": request.allow_withdrawn,
        "reason": request.reason,
        "wait": request.wait,
    }
