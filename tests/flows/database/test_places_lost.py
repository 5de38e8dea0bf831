"""A home whose path or modes went wrong is one line or no matter at all."""

import os
import subprocess
import sys
from pathlib import Path

from flows.database.connection import database_url
from tests.conftest import clean_environment
from tests.flows.embedded_postgres import ask


def answer_in(folder: bytes, *before: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, after another program has changed it."""
    script = "; ".join([*before, f'exec "{sys.executable}" -m flows usage'])
    return subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_that_is_not_utf8_is_one_line(tmp_path: Path) -> None:
    """Its path could not be printed or stored; the message shows it escaped."""
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(folder)).mkdir()
    answer = answer_in(folder)
    assert answer.returncode == 2, answer.stderr
    assert "is not UTF-8" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_folder_that_is_gone_is_no_full_disk(tmp_path: Path) -> None:
    """The message says that the current folder is gone."""
    folder = tmp_path / "gone"
    folder.mkdir()
    answer = answer_in(os.fsencode(folder), f"rmdir '{folder}'")
    assert answer.returncode == 2, answer.stderr
    assert "the current folder is gone" in answer.stderr
    assert "make room" not in answer.stderr


def test_a_data_folder_copied_without_its_modes_is_used(home: Path) -> None:
    """Postgres refuses one that others may enter; it gets its modes back, and the data is there."""
    with database_url(home, environ={}) as url:
        ask(url, "create table kept as select 7 as n")
    (home / "postgres" / "data").chmod(0o755)
    with database_url(home, environ={}) as url:
        assert ask(url, "select n from kept") == "7"
    assert (home / "postgres" / "data").stat().st_mode & 0o077 == 0
