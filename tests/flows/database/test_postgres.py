"""The embedded Postgres is shared while it is used, stops afterwards, and is found again after any kill."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from flows.database.connection import database_url
from tests.flows.embedded_postgres import (
    HOLD,
    ROOT,
    WAIT_SECONDS,
    Command,
    ask,
    end_commands,
    eventually,
    postmaster,
    processes,
)


@pytest.fixture(autouse=True)
def _no_command_stays() -> Iterator[None]:
    """A test that fails leaves no process and no open pipe to the next."""
    yield
    end_commands()


# --- Sharing ---


def test_two_commands_at_once_share_one_server_and_the_last_stops_it(home: Path) -> None:
    """Started at the same moment in an empty folder, both get the same server; it stops with the last of them."""
    one, two = Command(home), Command(home)
    first, second = one.url(), two.url()
    server = postmaster(home)
    assert ask(first, "SELECT pg_postmaster_start_time()") == ask(second, "SELECT pg_postmaster_start_time()")
    assert one.leave() == (0, "")
    assert postmaster(home) == server
    assert ask(second, "SELECT 1") == "1"
    assert two.leave() == (0, "")
    assert processes(home) == []


def test_commands_come_and_go_without_a_gap(home: Path) -> None:
    """Each of many short commands finds a server that answers, although last users keep stopping it."""
    program = HOLD.replace(
        "    sys.stdin", "    import psycopg; psycopg.connect(url.replace('+psycopg', '')).close() #"
    )
    program = program.replace("with database_url", "for _ in range(8):\n  with database_url")
    commands = [
        subprocess.Popen([sys.executable, "-c", program, home], cwd=ROOT, stdout=subprocess.DEVNULL)
        for _ in "abcd"
    ]
    assert [command.wait(WAIT_SECONDS) for command in commands] == [0, 0, 0, 0]
    assert processes(home) == []


def test_contexts_of_one_process_share_too(home: Path) -> None:
    """If one process opens the database twice, the end of the inner context leaves the server to the outer one."""
    with database_url(home, environ={}) as outer:
        with database_url(home, environ={}):
            pass
        assert ask(outer, "SELECT 1") == "1"
    assert processes(home) == []


def test_data_stays_from_command_to_command(home: Path) -> None:
    """A second command finds the data of the first."""
    with database_url(home, environ={}) as url:
        ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
    with database_url(home, environ={}) as url:
        assert ask(url, "SELECT n FROM kept") == "7"


# --- Kills ---


def test_server_of_a_killed_command_is_reused_and_then_stopped(home: Path) -> None:
    """After kill -9 of its only user, the next command finds the server and stops it on leaving."""
    killed = Command(home)
    killed.url()
    server = postmaster(home)
    killed.kill()
    assert processes(home) != []
    with database_url(home, environ={}) as url:
        assert postmaster(home) == server
        assert ask(url, "SELECT 1") == "1"
    assert processes(home) == []


def test_killed_commands_do_not_count(home: Path) -> None:
    """A command that was killed does not keep the server running after the last one leaves."""
    stays, killed = Command(home), Command(home)
    stays.url()
    killed.url()
    killed.kill()
    assert stays.leave() == (0, "")
    assert processes(home) == []


def test_statement_of_a_killed_command_ends(home: Path) -> None:
    """The statement of a killed command is cancelled, so its locks do not block the next command."""
    with database_url(home, environ={}) as url:
        program = (
            f"import psycopg; psycopg.connect({url.replace('+psycopg', '')!r}).execute('SELECT pg_sleep(60)')"
        )
        command = subprocess.Popen([sys.executable, "-c", program])
        sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
        assert eventually(lambda: ask(url, sleeping) == "1")
        command.kill()
        command.wait()
        assert eventually(lambda: ask(url, sleeping) == "0", seconds=40)


def test_killed_server_comes_back_with_its_data(home: Path) -> None:
    """After kill -9 of the server, the next command starts it again with all committed data."""
    before = Command(home)
    url = before.url()
    ask(url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    os.kill(postmaster(home), signal.SIGKILL)
    with database_url(home, environ={}) as url:
        assert ask(url, "SELECT sum(n) FROM kept") == "500500"
        assert before.leave() == (0, "")
        assert ask(url, "SELECT 1") == "1"


def test_ctrl_c_ends_the_command_only(home: Path) -> None:
    """Ctrl-C reaches the command's process group, and the server it started goes on for the others."""
    starter = Command(home)
    starter.url()
    other = Command(home)
    url = other.url()
    starter.kill(signal.SIGINT)
    assert ask(url, "SELECT 1") == "1"
    assert other.leave() == (0, "")


def test_folder_deleted_under_a_command_is_no_error(home: Path) -> None:
    """A command whose folder is gone when it ends exits without an error."""
    command = Command(home)
    command.url()
    server = postmaster(home)
    shutil.rmtree(home)
    os.kill(server, signal.SIGKILL)
    assert command.leave() == (0, "")


def test_database_killed_while_it_was_made_is_made_anew(home: Path) -> None:
    """After kill -9 of a command and its initdb on the very first start, the next start succeeds."""
    command = Command(home)
    assert eventually(lambda: len(processes(home)) > 1)
    command.kill()
    for process in processes(home):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    with database_url(home, environ={}) as url:
        assert ask(url, "SELECT 1") == "1"


def test_half_made_data_directory_is_made_anew(home: Path) -> None:
    """Files left by a killed initdb do not hinder the next start."""
    left = home / "postgres" / "data.new" / "base"
    left.mkdir(parents=True)
    (left / "1").write_text("half")
    with database_url(home, environ={}) as url:
        assert ask(url, "SELECT 1") == "1"


def test_any_kills_at_any_moment_leave_a_database_that_works(home: Path) -> None:
    """Commands killed while they create, start, share or stop the server harm neither the others nor the next."""
    chance = random.Random(20261122)
    for _ in range(4):
        commands = [Command(home) for _ in range(3)]
        for command in commands:
            time.sleep(chance.uniform(0, 0.6))
            with suppress(ProcessLookupError):
                command.kill()
    with database_url(home, environ={}) as url:
        assert ask(url, "SELECT 1") == "1"
    assert processes(home) == []
