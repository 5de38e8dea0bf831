"""Fixtures for all tests: a real Postgres per session, a fresh migrated database per test, and the command line as a process.

`TEST_DATABASE_URL` names a server to use, where databases may be created; without it an embedded one is started in a
temporary folder and stopped at the end.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import hypothesis
import psycopg
import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

from flows.database.connection import database_url as postgres_of
from flows.database.embedded.installation import URL_VARIABLE
from flows.database.migrate import migrate

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 300
os.environ["USAGE_IMPORT_FUTURE"] = "1"  # the clocks of tests may be ahead of the machine that runs them

OUTSIDE = ("USAGE_IMPORT_", "PREFECT_", "PG", "COV_")
"""Prefixes of variables that would change the behaviour of a command."""

SPREAD = ("test_stories", "test_readme", "test_second_reading")
"""Modules with few long tests, which several workers share; every other module stays with one worker, and so do its servers."""


hypothesis.settings.register_profile(
    "patient",
    deadline=None,  # a law does not depend on how busy the machine is
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    print_blob=True,
)
hypothesis.settings.load_profile("patient")


TOGETHER = ("prefect",)
"""Folders whose modules stay with one worker, since they share a server that needs 20 seconds to come up."""


class KeepingTogether(LoadScopeScheduling):  # type: ignore[misc] # xdist tells no types
    """A scheduler that keeps each module on one worker, the largest first, and shares out the tests of SPREAD one by one, last."""

    def _split_scope(self, nodeid: str) -> str:
        module = Path(nodeid.partition("::")[0])
        if module.parent.name in TOGETHER:
            return str(module.parent)
        return nodeid if module.stem in SPREAD else str(module)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Return how `--numprocesses` distributes tests; group marks do not work, as xdist 3.8 loses them under pytest 9.2."""
    return KeepingTogether(config, log)


@dataclass(frozen=True)
class Answer:
    """The result of a command: its exit code, standard output and standard error."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON, every number as its own text so that none is rounded."""
        return json.loads(self.out, parse_float=str)


class UsageImport(Protocol):
    """The command line; a test that expects another exit code than 0 says so."""

    def __call__(
        self,
        *arguments: str | Path,
        exit_code: int = 0,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Answer: ...


def clean_environment() -> dict[str, str]:
    """Return our environment without the variables that change the database or the output of a command."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OUTSIDE)}
    return inherited | {
        "PYTHONPATH": str(ROOT),
        "PREFECT_API_URL": "",  # none, whatever the caller's profile says
        "NO_COLOR": "1",
        "USAGE_IMPORT_FUTURE": "1",
        "COLUMNS": "160",
        "TZ": "Pacific/Auckland",  # far from UTC and from every zone of a story: no answer may depend on it
    }


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Postgres in which databases may be made."""
    configured = os.environ.get("TEST_DATABASE_URL", "")
    with postgres_of(tmp_path_factory.mktemp("postgres"), environ={URL_VARIABLE: configured}) as url:
        yield url


@pytest.fixture(scope="session")
def template_url(postgres_url: str) -> Iterator[str]:
    """The address of a database that has the schema and nothing in it, to be copied."""
    with _new_database(postgres_url) as url:
        engine = create_engine(url, poolclass=NullPool)
        migrate(engine)
        engine.dispose()
        yield url


@pytest.fixture
def database_url(postgres_url: str, template_url: str) -> Iterator[str]:
    """The address of an empty database with the schema, gone after the test."""
    with _new_database(postgres_url, template=make_url(template_url).database) as url:
        yield url


@contextmanager
def _new_database(server_url: str, *, template: str | None = None, options: str = "") -> Iterator[str]:
    name = f"usage_import_{uuid.uuid4().hex}"
    server = make_url(server_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            f'CREATE DATABASE "{name}" TEMPLATE "{template or "template1"}" {options}'.encode()
        )
        try:
            # The connections of tests find our tables by their names, as ours do.
            connection.execute(f'ALTER DATABASE "{name}" SET search_path = usage_import, public'.encode())
            yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def usage_import(database_url: str, tmp_path: Path) -> UsageImport:
    """The command line on the test's database, each call a process of its own."""

    def run(
        *arguments: str | Path,
        exit_code: int = 0,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Answer:
        command = [sys.executable, "-m", "flows", *map(str, arguments)]
        ours = clean_environment() | {URL_VARIABLE: database_url} | dict(environment or {})
        ended = subprocess.run(
            command,
            cwd=cwd or tmp_path,
            env=ours,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        answer = Answer(ended.returncode, ended.stdout, ended.stderr)
        report = f"{' '.join(command[2:])} ended with {answer.exit_code}\n{answer.out[-2000:]}\n{answer.err[-4000:]}"
        assert answer.exit_code == exit_code, report
        assert "Traceback" not in answer.err, report
        return answer

    return run
