"""The house keeps its own rules: what is locked, what stands where, and what the command line costs before it does anything."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT, clean_environment

ROOMS = ("flows", "transforms", "schemas")
NAMELESS = {"utils", "common", "core", "helpers", "base", "misc", "tasks", "nodes", "models"}
HEAVY = ("prefect", "dask", "polars", "pandera", "pyarrow", "alembic")
PINS = {"prefect": "==3.8.8", "fastapi": "<0.151", "sqlalchemy": ">=2.0.44,<2.1"}

MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def _name(requirement: str) -> str:
    matched = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert matched, requirement
    return re.sub(r"[-_.]+", "-", matched[0]).lower()


LOCKED = {_name(line) for line in LOCK.splitlines() if line and not line.startswith((" ", "#"))}


def test_every_locked_version_has_a_hash_and_no_address() -> None:
    """The lock installs the same bytes from any index, and names none."""
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert [entry.splitlines()[0] for entry in entries if "==" not in entry.splitlines()[0]] == []
    assert re.search(r"://|--index|--find-links|\s@\s", LOCK) is None


def test_the_lock_covers_what_the_project_asks_for() -> None:
    """Everything that runs, tests and builds the project is locked."""
    requirements = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["dask"],
        *PROJECT["dependency-groups"]["dev"],
    ]
    assert {_name(requirement) for requirement in requirements} - LOCKED == set()


def test_the_pins_without_which_prefect_fails_in_silence_stand() -> None:
    """Prefect's server starts and its scheduler schedules only with these versions."""
    named = {_name(requirement): requirement for requirement in PROJECT["project"]["dependencies"]}
    assert {name: named[name].removeprefix(name) for name in PINS} == PINS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is(path: Path) -> None:
    """Every module has a docstring and a name of the domain."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), "no module docstring"
    assert path.stem not in NAMELESS


def test_help_costs_no_heavy_library() -> None:
    """`--help` answers without the seconds that Prefect, or the frames, take to import."""
    script = f"import sys, flows.commands.app; print([name for name in {HEAVY} if name in sys.modules])"
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == "[]"
