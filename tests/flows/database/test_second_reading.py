"""The command line agrees with the second reading, number for number, on random worlds.

`SECOND_READING_WORLDS` says how many worlds are tried (100), `SECOND_READING_FIRST` with which seed they begin (0). A
world that fails is named by its seed and shrunk: what is shown is the least of it that still disagrees.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, NullPool, create_engine, make_url, text

from flows.database.connection import database_url
from tests.flows.playing import DisagreementError, Play
from tests.flows.shrinking import shrunk
from tests.flows.warm_commands import WarmCommands, warm_commands
from tests.reference.world import World
from tests.reference.worlds import make_world

WORLDS = int(os.environ.get("SECOND_READING_WORLDS", "100"))
FIRST = int(os.environ.get("SECOND_READING_FIRST", "0"))
SHRINKS = os.environ.get("SECOND_READING_SHRINKS", "1") == "1"
AT_ONCE = 10


@dataclass(frozen=True)
class Playground:
    """A warm command line, and a database with the tables already made, to be copied for each world."""

    commands: WarmCommands
    folder: Path
    server: URL
    template: str

    def play(self, world: World) -> DisagreementError | None:
        """Play the world in a database and a folder of its own."""
        folder = self.folder / "world"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with database(self.server, self.template) as url:
            try:
                Play(world, folder, self.commands, url).play()
            except DisagreementError as disagreement:
                return disagreement
        return None


@contextmanager
def database(server: URL, template: str) -> Iterator[str]:
    """The address of a new database, dropped in the end."""
    name = f"world_{uuid.uuid4().hex}"
    with connected(server) as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def connected(server: URL) -> Iterator[Connection]:
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


@contextmanager
def open_playground(folder: Path) -> Iterator[Playground]:
    """A throw-away server, in no hurry to write to the disk."""
    with (
        database_url(folder / "home", environ={}) as url,
        warm_commands(folder / "commands") as commands,
        connected(make_url(url)) as connection,
    ):
        server = make_url(url)
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
        with database(server, "template0") as empty:
            answer = commands.run(
                "settings", "billing_time_zone", "UTC", environment={"USAGE_IMPORT_DATABASE_URL": empty}
            )
            assert answer.exit_code == 0, answer.err
            template = str(make_url(empty).database)
            yield Playground(commands, folder, server, template)


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    with open_playground(tmp_path_factory.mktemp("second-reading")) as opened:
        yield opened


@pytest.mark.parametrize("first", range(FIRST, FIRST + WORLDS, AT_ONCE))
def test_command_line_agrees_with_the_second_reading(playground: Playground, first: int) -> None:
    """Every number of every ledger, line, rejection and reason is what the rules say."""
    for seed in range(first, min(first + AT_ONCE, FIRST + WORLDS)):
        world = make_world(seed)
        disagreement = playground.play(world)
        if disagreement is not None:
            pytest.fail(report_of(playground, world, disagreement))


def report_of(playground: Playground, world: World, disagreement: DisagreementError) -> str:
    """Return the disagreement of the smallest world that has it; the folder of that world stays."""

    def is_same(smaller: World) -> bool:
        found = playground.play(smaller)
        return found is not None and found.kind == disagreement.kind

    if SHRINKS:
        world = shrunk(world, is_same)
    last = playground.play(world)
    return f"world {world.seed}: {last}\nits folder: {playground.folder / 'world'}\n{world.commands()}"
