"""The deployments of prefect.yaml: the schedule of the nightly one, a run of the backfill, and `prefect deploy`."""

import json
import subprocess
import sys

from tests.conftest import ROOT
from tests.flows.prefect.stack import Stack, until


def test_the_nightly_deployment_produces_scheduled_runs(stack: Stack) -> None:
    """The cron of prefect.yaml really schedules: runs at two o'clock wait to be made."""
    scheduled = until(lambda: stack.runs("nightly-import"), seconds=90)
    assert {run["state"]["type"] for run in scheduled} == {"SCHEDULED"}
    assert {run["expected_start_time"][10:19] for run in scheduled} == {"T02:00:00"}
    assert scheduled[0]["parameters"] == {"sources": ["exports"]}


def test_the_backfill_deployment_runs(stack: Stack, backfill: str) -> None:
    """A run that a person starts on the deployment's page imports the sources of its parameters and ends with one line."""
    run = until(lambda: (found := stack.api(f"/flow_runs/{backfill}")) and found["end_time"] and found)
    assert run["state"]["message"].startswith("import "), run["state"]
    assert " published: 50 rows of 1 file (50 new)" in run["state"]["message"]
    imports = json.loads(stack.command("imports", "--json").out)
    assert [made["reason"] for made in imports if made["flow_run_id"] == backfill] == ["a backfill"]


def test_prefect_deploy_reads_the_same_file(stack: Stack) -> None:
    """`prefect deploy --all` accepts prefect.yaml for a work pool, schedule and concurrency limit included."""
    stack.api("/work_pools/", {"name": "usage-import", "type": "process"})
    environment = stack.environment | {
        "PREFECT_API_URL": stack.api_url,
        "PREFECT_HOME": str(stack.folder / "client"),
        "DO_NOT_TRACK": "1",
    }
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    deployed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    nightly = stack.api("/deployments/name/import-usage/nightly-import")
    assert nightly["work_pool_name"] == "usage-import"
    assert nightly["global_concurrency_limit"]["limit"] == 1
    assert nightly["schedules"][0]["schedule"] | {"day_or": True} == {
        "cron": "0 2 * * *",
        "timezone": "UTC",
        "day_or": True,
    }
    assert nightly["entrypoint"] == "flows/orchestration/import_flow.py:import_usage"
