"""The Prefect API of an import is found without importing Prefect, and one that does not answer is an error of one line."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from flows.database.file_locks import is_locked, lock_file
from flows.orchestration.prefect_api import (
    PrefectApi,
    configured_api,
    require_answer,
    stack_lock,
    stack_state,
)
from schemas.errors import UsageImportError
from tests.conftest import ROOT, UsageImport, clean_environment

PROFILES = """
active = "ours"
[profiles.ours]
PREFECT_API_URL = "http://ours:4200/api"
[profiles.theirs]
PREFECT_API_URL = "http://theirs:4200/api"
[profiles.ephemeral]
PREFECT_SERVER_ALLOW_EPHEMERAL_MODE = "true"
"""


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment and a folder in which nothing names an API."""
    monkeypatch.chdir(tmp_path)
    return {"PREFECT_HOME": str(tmp_path / "prefect"), "USAGE_IMPORT_HOME": str(tmp_path / "home")}


def url_of(environ: Mapping[str, str]) -> str | None:
    api = configured_api(environ)
    return api.url if api else None


def write_profiles(environ: Mapping[str, str]) -> None:
    folder = Path(environ["PREFECT_HOME"])
    folder.mkdir()
    (folder / "profiles.toml").write_text(PROFILES)


def test_nothing_configured_is_no_api(somewhere: dict[str, str]) -> None:
    """Where nobody names an API, there is none."""
    assert configured_api(somewhere) is None


def test_the_environment_comes_first(somewhere: dict[str, str]) -> None:
    """PREFECT_API_URL is taken before the profile; an empty one means none, whatever the profile says."""
    write_profiles(somewhere)
    assert url_of(somewhere | {"PREFECT_API_URL": " http://here:1/api/ "}) == "http://here:1/api"
    assert url_of(somewhere | {"PREFECT_API_URL": ""}) is None


def test_the_active_profile_names_an_api(somewhere: dict[str, str]) -> None:
    """The active profile counts; PREFECT_PROFILE names another; one without an address names none."""
    write_profiles(somewhere)
    assert url_of(somewhere) == "http://ours:4200/api"
    assert url_of(somewhere | {"PREFECT_PROFILE": "theirs"}) == "http://theirs:4200/api"
    assert url_of(somewhere | {"PREFECT_PROFILE": "ephemeral"}) is None
    assert url_of(somewhere | {"PREFECT_PROFILE": "nobody's"}) is None


def test_profiles_can_lie_elsewhere(somewhere: dict[str, str], tmp_path: Path) -> None:
    """PREFECT_PROFILES_PATH is followed; a file that cannot be read names nothing."""
    (tmp_path / "elsewhere.toml").write_text(PROFILES)
    assert (
        url_of(somewhere | {"PREFECT_PROFILES_PATH": str(tmp_path / "elsewhere.toml")})
        == "http://ours:4200/api"
    )
    (tmp_path / "broken.toml").write_text("active = ")
    assert url_of(somewhere | {"PREFECT_PROFILES_PATH": str(tmp_path / "broken.toml")}) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("prefect.toml", '[api]\nurl = "http://project/api"\n'),
        ("pyproject.toml", '[tool.prefect.api]\nurl = "http://project/api"\n'),
    ],
)
def test_a_project_can_name_an_api(somewhere: dict[str, str], tmp_path: Path, name: str, text: str) -> None:
    """What Prefect reads in the project's own folder is read here too, before the profile."""
    write_profiles(somewhere)
    (tmp_path / name).write_text(text)
    assert url_of(somewhere) == "http://project/api"


def test_a_stack_counts_only_while_it_lives(somewhere: dict[str, str]) -> None:
    """An address that a killed stack left behind is nobody's: its lock is free."""
    state = stack_state(somewhere)
    state.parent.mkdir(parents=True)
    state.write_text('{"api_url": "http://127.0.0.1:1/api", "ui_url": "http://127.0.0.1:1"}')
    assert configured_api(somewhere) is None
    with lock_file(stack_lock(somewhere)) as is_ours:
        assert is_ours
        found = configured_api(somewhere)
        assert found is not None
        assert (found.url, found.home) == (
            "http://127.0.0.1:1/api",
            Path(somewhere["USAGE_IMPORT_HOME"]) / "prefect",
        )
        state.unlink()
        assert configured_api(somewhere) is None
    assert not is_locked(stack_lock(somewhere))


def test_a_lock_is_one_holders(tmp_path: Path) -> None:
    """Two processes never both hold a lock; it is free again once its holder is gone."""
    path = tmp_path / "lock"
    with lock_file(path) as first, lock_file(path) as second:
        assert (first, second) == (True, False)
    with lock_file(path) as third:
        assert third


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/api", "http://no-such-host.invalid/api", "postgres", "http://"]
)
def test_an_api_that_does_not_answer_is_one_line(url: str) -> None:
    """The line names the address and who configured it, and the way out."""
    with pytest.raises(UsageImportError, match="PREFECT_API_URL= usage-import run") as refused:
        require_answer(PrefectApi(url, "PREFECT_API_URL"))
    assert url in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_run_ends_with_that_line(usage_import: UsageImport, tmp_path: Path) -> None:
    """`run` with an address at which nobody answers exits with 1, imports nothing, and says so in one line."""
    (tmp_path / "a.jsonl").write_text("{}\n")
    answer = usage_import(
        "run", "a.jsonl", exit_code=1, environment={"PREFECT_API_URL": "http://127.0.0.1:9/api"}
    )
    assert answer.out == ""
    assert answer.err.splitlines() == [
        (
            "usage-import: the Prefect API at http://127.0.0.1:9/api (PREFECT_API_URL) does not answer; "
            "see that it runs, or import without it: PREFECT_API_URL= usage-import run …"
        )
    ]


def test_looking_for_an_api_does_not_import_prefect() -> None:
    """Neither the command line, nor the search for an API, nor a direct import pays for Prefect's import."""
    code = (
        "import os, sys, flows.commands.app, flows.orchestration.route, flows.imports.run, flows.output.progress_bar, flows.orchestration.local_stack;"
        "flows.orchestration.prefect_api.configured_api(os.environ); print('prefect' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == "False"
