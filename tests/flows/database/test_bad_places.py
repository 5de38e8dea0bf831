"""A database, home or disk that does not do its part: one line that names it and the way out, never a password."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from flows.database.connection import database_url
from tests.flows.desk import CALLS, CLOCK, Desk, catalog_of, event
from tests.flows.wrong_things import ALL_COMMANDS, PATIENCE_SECONDS, ask, one_line
from tests.ports import closed_port


@pytest.fixture
def port() -> Iterator[int]:
    """A port on which nobody answers."""
    with closed_port() as port:
        yield port


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_no_command_minds_a_database_that_is_not_there(
    installation: Desk, places: Path, port: int, name: str
) -> None:
    """Down, a wrong address, another driver, a wrong password, a database that does not exist: one line, never the password."""
    arguments = [one.replace("{places}", str(places)) for one in ALL_COMMANDS[name]]
    missing = (
        make_url(installation.database_url).set(database="not_there").render_as_string(hide_password=False)
    )
    for url, code, word in (
        (f"postgresql://me:secret@127.0.0.1:{port}/db", 1, "127.0.0.1"),
        (missing, 1, "not_there"),
        ("postgresql://me:secret@localhost:notaport/db", 2, "USAGE_IMPORT_DATABASE_URL"),
        ("mysql://me:secret@localhost/db", 2, "mysql"),
        ("secret", 2, "USAGE_IMPORT_DATABASE_URL"),
        ("host=127.0.0.1 password=secret", 2, "USAGE_IMPORT_DATABASE_URL"),
        (f"postgresql://127.0.0.1:{port}/db?user=me&password=secret&sslpassword=secret", 1, "127.0.0.1"),
    ):
        answer = ask(installation, *arguments, USAGE_IMPORT_DATABASE_URL=url)
        one_line(answer, code, word)
        assert "secret" not in answer.err


def test_a_host_that_nobody_knows(installation: Desk) -> None:
    """The message names the host."""
    one_line(
        ask(
            installation, "usage", USAGE_IMPORT_DATABASE_URL="postgresql://me:secret@no.such.host.invalid/db"
        ),
        1,
        "no.such.host.invalid",
    )


def test_a_wrong_password_is_never_shown(installation: Desk) -> None:
    """A server that asks for a password and does not get the right one is named; the password is not."""
    url = make_url(installation.database_url)
    if not url.query.get("host") and not url.host:
        pytest.skip("the server of these tests has no address of its own")
    with installation.connected() as connection:
        connection.execute(b"create role guest login password 'right'")
        try:
            address = url.set(username="guest", password="wr0ng").render_as_string(hide_password=False)
            answer = ask(installation, "usage", USAGE_IMPORT_DATABASE_URL=address)
            one_line(answer, 1)
            assert "wr0ng" not in answer.err
        finally:
            connection.execute(b"drop role guest")


def test_a_schema_of_later_is_refused(desk: Desk) -> None:
    """A database that a newer usage-import has changed is left alone."""
    with desk.connected() as connection:
        connection.execute(b"update usage_import.usage_import_version set version_num = '9999'")
    one_line(ask(desk, "usage"), 2, "9999", "upgrade")


def test_a_server_that_goes_away_is_one_line(desk: Desk) -> None:
    """A connection that is ended from outside, and a server that refuses to write, are one line each."""
    desk.catalog(catalog_of(CALLS))
    with desk.connected() as connection:
        for action in (
            "perform pg_terminate_backend(pg_backend_pid())",
            "raise exception 'the server says no'",
            DISK_FULL,
        ):
            connection.execute(
                f"create or replace function refuse() returns trigger language plpgsql as $$ begin {action}; return new; end $$".encode()
            )
            connection.execute(
                b"create or replace trigger refuse before insert on chunks for each row execute function refuse()"
            )
            one_line(ask(desk, "run", str(desk.write("rows.jsonl", event(), event()))), 1, "postgres")
        connection.execute(b"drop trigger refuse on chunks")
    assert desk.run(desk.folder / "rows.jsonl")["new"] == 2


DISK_FULL = "raise exception 'could not extend file: No space left on device' using errcode = '53100'"


def test_a_home_that_cannot_be_written(installation: Desk, tmp_path: Path) -> None:
    """Without a configured database, a home that is a file or lies in one is named."""
    (tmp_path / "file").write_text("no folder\n")
    for home in (tmp_path / "file", tmp_path / "file" / "deeper", Path("/proc/nowhere")):
        answer = ask(installation, "usage", USAGE_IMPORT_DATABASE_URL="", USAGE_IMPORT_HOME=str(home))
        one_line(answer, answer.exit_code, str(home))
        assert answer.exit_code in {1, 2}


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mount") is None, reason="only root can mount a small disk"
)
def test_a_full_disk_is_one_line_and_the_import_goes_on_once_there_is_room(
    tmp_path: Path, installation: Desk
) -> None:
    """A home on a disk that fills up in the middle of an import: one line; with more room the same command ends it."""
    home = tmp_path / "disk"
    home.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=90m", "tmpfs", home], capture_output=True, check=False
    ).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        rows = tmp_path / "rows.jsonl"
        line = json.dumps(event(idempotencyKey="%d", properties={"note": "x" * 600}))
        rows.write_text("".join((line % n) + "\n" for n in range(45_000)))
        words = [
            "run",
            str(rows),
            "--catalog",
            str(installation.write_catalog(catalog_of(CALLS))),
            "--clock",
            CLOCK,
        ]
        environment = {
            "USAGE_IMPORT_DATABASE_URL": "",
            "USAGE_IMPORT_HOME": str(home),
            "USAGE_IMPORT_CHUNK_ROWS": "5000",
        }
        with database_url(home, environ={}):  # a server that is to stop waits for room on its disk
            one_line(ask(installation, *words, **environment), 1, "No space left")
            subprocess.run(["mount", "-o", "remount,size=600m", home], check=True)
            end = time.monotonic() + PATIENCE_SECONDS
            answer = ask(installation, *words, "--json", **environment)
            while answer.exit_code and time.monotonic() < end:  # a server that gave up recovers first
                one_line(answer, 1, "postgres")
                time.sleep(0.5)
                answer = ask(installation, *words, "--json", **environment)
        assert answer.exit_code == 0, answer.err
        assert json.loads(answer.out)["new"] == 45_000
    finally:
        subprocess.run(["umount", "--lazy", home], check=False)
