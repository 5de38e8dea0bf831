"""Serve the deployments of `prefect.yaml` from this process: `python -m flows.orchestration.deployments`.

`prefect deploy` reads the same file for a work pool, so schedules and parameters stand in one place.
"""

import os
import time
from pathlib import Path
from typing import Any, Final, cast

import yaml  # type: ignore[import-untyped]
from prefect import serve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Schedule
from prefect.types.entrypoint import EntrypointType

from flows.orchestration.import_flow import import_usage
from flows.orchestration.prefect_api import API_VARIABLE, answers
from schemas.errors import ConfigurationError

DEPLOYMENTS_FILE: Final = Path(__file__).parents[2] / "prefect.yaml"
LOOK_SECONDS: Final = 0.5


def main() -> None:
    """Serve the deployments as soon as the Prefect server answers, until this process is ended.

    Raises ConfigurationError if no Prefect API is configured.
    """
    url = os.environ.get(API_VARIABLE)
    if not url:
        raise ConfigurationError(
            f"{API_VARIABLE} is not set; 'usage-import up' serves the deployments by itself"
        )
    while not answers(f"{url}/health"):
        time.sleep(LOOK_SECONDS)
    serve(*deployments(), pause_on_shutdown=False, print_starting_message=False)


def deployments(path: Path = DEPLOYMENTS_FILE) -> list[RunnerDeployment]:
    """Return the deployments of a file in the form of `prefect.yaml`."""
    documents = yaml.safe_load(path.read_text())["deployments"]
    return [deployment(document) for document in documents]


def deployment(document: dict[str, Any]) -> RunnerDeployment:
    """Return one deployment of the import from its part of the file."""
    created = import_usage.to_deployment(
        name=document["name"],
        description=document["description"],
        tags=document.get("tags"),
        schedules=[schedule(each) for each in document.get("schedules") or ()],
        parameters=document.get("parameters"),
        concurrency_limit=document.get("concurrency_limit"),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return cast("RunnerDeployment", created)  # a coroutine only where a loop runs


def schedule(document: dict[str, Any]) -> Schedule:
    """Return one schedule of a deployment from its part of the file."""
    return Cron(document["cron"], timezone=document["timezone"], active=document.get("active", True))


if __name__ == "__main__":
    main()
