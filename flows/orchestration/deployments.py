"""The deployments of the import, as `prefect.yaml` tells them, served by this process: `python -m flows.orchestration.deployments`.

`prefect deploy` reads the same file for a work pool; so it is the one place where their schedules and parameters are.
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

TOLD: Final = Path(__file__).parents[2] / "prefect.yaml"
LOOK_SECONDS: Final = 0.5


def main() -> None:
    """Serve the deployments as soon as the Prefect server answers, until this process is ended."""
    url = os.environ.get(API_VARIABLE)
    if not url:
        raise ConfigurationError(
            f"{API_VARIABLE} is not set; 'usage-import up' serves the deployments by itself"
        )
    while not answers(f"{url}/health"):
        time.sleep(LOOK_SECONDS)
    serve(*deployments(), pause_on_shutdown=False, print_starting_message=False)


def deployments(path: Path = TOLD) -> list[RunnerDeployment]:
    """What the file tells of each deployment, ready to be served."""
    told = yaml.safe_load(path.read_text())["deployments"]
    return [deployment(each) for each in told]


def deployment(told: dict[str, Any]) -> RunnerDeployment:
    """One deployment of the import."""
    made = import_usage.to_deployment(
        name=told["name"],
        description=told["description"],
        tags=told.get("tags"),
        schedules=[schedule(each) for each in told.get("schedules") or ()],
        parameters=told.get("parameters"),
        concurrency_limit=told.get("concurrency_limit"),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return cast("RunnerDeployment", made)  # a coroutine only where a loop runs


def schedule(told: dict[str, Any]) -> Schedule:
    """A schedule of the file's."""
    return Cron(told["cron"], timezone=told["timezone"], active=told.get("active", True))


if __name__ == "__main__":
    main()
