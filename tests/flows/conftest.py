"""Fixtures for the tests of flows: a desk per test, with one warm command line per session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.conftest import _new_database
from tests.flows.desk import Desk
from tests.flows.warm_commands import WarmCommands, warm_commands


@pytest.fixture(scope="session")
def warm_command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmCommands]:
    """One process that has the program loaded; every command is a fork of it."""
    with warm_commands(tmp_path_factory.mktemp("warm")) as commands:
        yield commands


@pytest.fixture
def desk(tmp_path: Path, database_url: str, warm_command_line: WarmCommands) -> Desk:
    """A folder, an empty database and a command line."""
    return Desk(tmp_path, database_url, warm_command_line)


@pytest.fixture
def other_desk(desk: Desk, postgres_url: str, template_url: str) -> Iterator[Desk]:
    """The same folder with another database, where nothing is disturbed."""
    with _new_database(postgres_url, template=make_url(template_url).database) as url:
        yield Desk(desk.folder, url, desk.commands)
