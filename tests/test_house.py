"""The rules of the code itself: locked versions, the layout, the size of files, names and docstrings, and the cost of `--help`."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, clean_environment

ROOMS = ("flows", "transforms", "schemas")
NAMELESS = {"utils", "common", "core", "helpers", "base", "misc", "tasks", "nodes", "models"}
FOLDERS = {"flows", "transforms", "schemas", "tests", "data-samples", ".ci"}
FILES = {
    "pyproject.toml", "README.md", "Makefile", "requirements.lock", "prefect.yaml", "LICENSE", "CHANGELOG.md",
    ".gitignore", ".pre-commit-config.yaml",
}  # fmt: skip
MOST_LINES = 350
QUESTIONS = {"What", "Which", "Whose", "How", "Where", "When", "Whether", "Who", "Why"}
PRIVATE_WORD = re.compile(r"(?:^|_)(?:told|held|settl\w*|telling\w*|stretch\w*)(?:_|$)", re.IGNORECASE)
"""Words that only the authors understood, as parts of names."""
DOMAIN_NAMES = {"HELD"}
"""A held import is a word of the domain."""
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


def test_the_top_level_is_as_designed() -> None:
    """Every file that the project keeps lies in one of its folders, or is one of the files that tools expect there."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("the project is not in a repository here")
    paths = [Path(line) for line in listed.stdout.splitlines()]
    assert {path.parts[0] for path in paths if len(path.parts) > 1} <= FOLDERS
    assert {path.name for path in paths if len(path.parts) == 1} <= FILES


def test_no_file_is_too_long() -> None:
    """A file of the product or the tests has one idea and at most 350 lines; migrations are as long as they are."""
    files = [
        *MODULES,
        *(ROOT / "tests").rglob("*.py"),
        *(path for room in ROOMS for path in (ROOT / room).rglob("*.sql")),
    ]
    counted = {_place(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    long = {place for place, lines in counted.items() if lines > MOST_LINES and "/migrations/" not in place}
    assert {place: counted[place] for place in sorted(long)} == {}


def test_a_public_docstring_begins_with_a_verb_or_a_noun() -> None:
    """A docstring says what to expect ("Return …"; for a class, a noun phrase); it never begins with a question word."""
    found = {name for path in MODULES for name, first in _docstrings(path) if first in QUESTIONS}
    assert sorted(found) == []


def test_no_private_word_is_a_name() -> None:
    """Names in the product are words that a data engineer knows."""
    found = {(_place(path), name) for path in MODULES for name in _names(path) if PRIVATE_WORD.search(name)}
    left = {(place, name) for place, name in found if name not in DOMAIN_NAMES}
    assert sorted(left) == []


def _place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """The first word of each public docstring of a module, by the name of what it describes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ) and not node.name.startswith("_"):
            words = (ast.get_docstring(node) or "").split()
            if words:
                yield f"{_place(path)}::{node.name}", words[0].rstrip(",:;")


def _names(path: Path) -> Iterator[str]:
    """The names that a module defines or binds: functions, classes, arguments and variables."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


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


def test_importing_the_product_starts_no_work_of_polars() -> None:
    """A process that imported the product can be forked: polars computes nothing at import, so its child finds no threads gone."""
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in MODULES]
    wanted = [
        name for name in modules if not name.startswith("flows.orchestration") and "migrations" not in name
    ]
    wanted = [name.removesuffix(".__init__") for name in wanted if not name.endswith("__main__")]
    script = f"""
import importlib, os, polars, signal
for name in {wanted}:
    importlib.import_module(name)
child = os.fork()
if child == 0:
    signal.alarm(30)
    texts = polars.DataFrame({{"a": ["x", "y"]}}).with_columns(b=polars.lit("z") + polars.col("a"))
    os._exit(0 if texts["b"].to_list() == ["zx", "zy"] else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=ROOT,
        env=clean_environment(),
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0
