"""Laws of imports, through the Prefect flow: what bills at night is what a person runs by hand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.database.embedded.installation import URL_VARIABLE
from flows.imports.request import Pace
from flows.orchestration.prefect_api import API_VARIABLE, QUIET
from flows.output.progress import NoDisplay
from schemas.ledger import Ledger
from schemas.vocabulary import ImportStatus
from tests.conftest import ROOT, clean_environment
from tests.flows.desk import event
from tests.flows.prefect.stack import Stack
from tests.flows.small_installation import (
    ROWS,
    Row,
    SmallInstallation,
    exports,
    request_for,
    small_installation,
)

FEW = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
"""Each example costs some flow runs."""

PACES = [Pace(workers=1, chunk_rows=1000), Pace(workers=2, chunk_rows=2)]


@pytest.fixture
def small(
    stack: Stack, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SmallInstallation]:
    """An installation of the test's own, whose flow runs go to the server of the stack."""
    environment = {
        **QUIET,
        API_VARIABLE: stack.api_url,
        "PREFECT_HOME": str(tmp_path / "prefect"),
        URL_VARIABLE: database_url,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with (
        temporary_settings({PREFECT_API_URL: stack.api_url}),
        small_installation(database_url, tmp_path) as installation,
    ):
        yield installation


def run_through_flow(*paths: str, pace: Pace, mapping: str) -> Ledger:
    """Import some files through the flow."""
    from flows.orchestration.import_flow import run_flow

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("USAGE_IMPORT_WORKERS", str(pace.workers))
        patched.setenv("USAGE_IMPORT_CHUNK_ROWS", str(pace.chunk_rows))
        return run_flow(request_for(paths, mapping=mapping), display=NoDisplay(), say=lambda _: None).ledger


@FEW
@given(exports(ROWS), exports(ROWS), st.sampled_from(PACES))
def test_the_way_an_import_takes_never_shows(
    small: SmallInstallation, files: list[list[Row]], more: list[list[Row]], pace: Pace
) -> None:
    """Ledgers, events, rejections and lines are the same through the flow and directly; known files stay unchanged."""
    found = []
    for is_through_flow in (False, True):
        small.begin()
        ledgers = []
        for prefix, exported in (("file", files), ("more", more), ("file", files)):
            paths = [small.write(f"{prefix}-{number}", rows) for number, rows in enumerate(exported)]
            run = run_through_flow if is_through_flow else small.run
            ledgers.append(asdict(run(*paths, pace=pace, mapping=small.expecting())))
        found.append((ledgers, small.stored()))
    assert found[0] == found[1]


def test_after_a_file_has_failed_its_sibling_is_not_read_to_the_end(
    small: SmallInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a deployment, where nobody looks on, the loads of a run share one stop."""
    from flows.orchestration.import_flow import import_usage

    small.begin()
    monkeypatch.setenv("USAGE_IMPORT_CHUNK_ROWS", "1")
    path = small.write("rows", (event(idempotencyKey=f"k{number}") for number in range(3000)))
    broken = small.folder / "broken.jsonl.gz"
    broken.write_bytes(b"\x1f\x8b\x08\x00no gzip at all")
    state = import_usage(sources=[path, str(broken)], wait=False, return_state=True)
    assert state.is_failed()
    assert "broken.jsonl.gz" in (state.message or "")
    assert small.select("select status from imports where kind = 'import'") == [(ImportStatus.FAILED,)]
    [(chunks,)] = small.select("select count(*) from chunks")
    assert chunks < 3000


def test_a_flow_without_a_named_database_is_refused(
    small: SmallInstallation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A worker that was not told its database makes none in the folder where it happens to run."""
    from flows.orchestration.import_flow import import_usage

    path = small.write("rows", [event()])
    monkeypatch.delenv("USAGE_IMPORT_DATABASE_URL")
    monkeypatch.setenv("USAGE_IMPORT_HOME", str(tmp_path / "elsewhere"))
    state = import_usage(sources=[path], return_state=True)
    assert state.is_failed()
    assert "USAGE_IMPORT_DATABASE_URL is not set where this flow runs" in (state.message or "")
    assert not (tmp_path / "elsewhere").exists()


def test_the_pace_is_read_when_the_flow_runs() -> None:
    """A pace that is none is an error of the run, not of the import of the flow's module."""
    code = "import flows.orchestration.import_flow"
    environment = clean_environment() | {"USAGE_IMPORT_WORKERS": "many"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=False)
    assert ended.returncode == 0
