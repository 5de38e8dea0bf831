"""Standard input and output: JSON, encodings, closed pipes, empty installations and empty files."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import clean_environment
from tests.flows.desk import CALLS, CLOCK, Desk, catalog_of, event
from tests.flows.stopping import ended, started
from tests.flows.wrong_things import ALL_COMMANDS, answered, ask, colder, one_line


@pytest.mark.parametrize("command", ["run", "check"])
def test_without_a_catalog_there_is_nothing_to_bill(desk: Desk, command: str) -> None:
    """Importing before any catalog is loaded says how to load one."""
    one_line(
        ask(desk, command, str(desk.write("rows.jsonl", event()))),
        1,
        "no catalog is loaded",
        "usage-import catalog",
    )


@pytest.mark.parametrize(
    "name", [name for name in ALL_COMMANDS if name not in {"run", "check", "catalog", "rollup"}]
)
def test_an_empty_installation_has_nothing_to_show(desk: Desk, name: str) -> None:
    """Before anything is loaded, commands that show are empty and fine, and those that name an import say there is none."""
    answer = ask(desk, *ALL_COMMANDS[name])
    if name in {"imports show", "rejects", "revert"}:
        one_line(answer, 2, "1")
    else:
        assert (answer.exit_code, "Traceback" in answer.err) == (0, False)


@pytest.mark.parametrize("name", ["rows", "nul", "share"])
def test_json_is_json_also_where_an_import_fails(desk: Desk, name: str) -> None:
    """A failed import still prints its one object, and prints the reason on standard error."""
    desk.catalog(catalog_of(CALLS))
    bad = event(externalCustomerId="nobody") if name != "nul" else event(properties={"a": "\0"})
    rows = [bad, *([event()] if name == "share" else [])]
    answer = ask(desk, "run", str(desk.write("rows.jsonl", *rows)), "--json", "--clock", CLOCK)
    one_line(answer, 1, "rejected", "rejects 2")
    ledger: dict[str, Any] = json.loads(answer.out)
    assert (ledger["status"], ledger["rejected"]) == ("failed", 1)


JSON_COMMANDS = [
    [*command, "--json"] for name, command in ALL_COMMANDS.items() if name not in {"revert", "imports show"}
]


def test_every_command_has_json(installation: Desk, places: Path) -> None:
    """With --json standard output is one document, whatever stands on standard error."""
    for command in JSON_COMMANDS:
        answer = ask(installation, *(one.replace("{places}", str(places)) for one in command))
        assert answer.exit_code == 0, (command, answer.err)
        json.loads(answer.out)
    json.loads(ask(installation, "imports", "show", "1", "--json").out)


def test_standard_input_that_is_closed_or_empty(installation: Desk) -> None:
    """`-` without anything behind it is one line or an import of nothing, and never waits."""
    closed = subprocess.run(
        **colder(installation, "run", "-"),
        check=False,
        capture_output=True,
        close_fds=True,
        preexec_fn=lambda: os.close(0),
    )
    one_line(answered(closed), 2, "standard input")
    empty = subprocess.run(
        **colder(installation, "run", "-", "--json"),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    assert (empty.returncode, "Traceback" in empty.stderr) == (0, False), empty.stderr
    assert json.loads(empty.stdout)["rows"] == 0


def test_nobody_reads_the_output(installation: Desk) -> None:
    """A pipe that is closed early, as by `head`, ends in silence."""
    shell = f"'{sys.executable}' -m flows usage --format csv | true"
    arguments = colder(installation)
    arguments["args"] = ["bash", "-c", shell]
    ended = subprocess.run(**arguments, check=False, capture_output=True)
    assert ended.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_an_output_that_is_full(installation: Desk) -> None:
    """An error of writing to standard output is one line."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            **colder(installation, "usage", "--format", "csv"),
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    one_line(answered(ended), 1, "o space left")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_command_that_cannot_print_says_that_it_was_done(installation: Desk) -> None:
    """A full disk behind standard output leaves no doubt about a setting that was changed, and none is claimed otherwise."""
    zone = ("settings", "billing_time_zone", "Asia/Tokyo", "--allow-withdrawn", "--reason", "moved", "--json")
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            **colder(installation, *zone), check=False, stdout=full, stderr=subprocess.PIPE
        )
    one_line(answered(ended), 1, "o space left", "the command was done before")
    assert installation("settings", "--json").json["billing_time_zone"] == "Asia/Tokyo"


@pytest.mark.parametrize("is_unbuffered", [False, True])
def test_an_output_that_is_cut_short_is_an_error(tmp_path: Path, *, is_unbuffered: bool) -> None:
    """A disk that takes only a part of the output is noticed, also where Python does not buffer, as in containers."""
    script = "import sys; from flows.commands.app import prepare_output; prepare_output(); sys.stdout.write('x' * 1_000_000)"
    environment = clean_environment() | {"PYTHONUNBUFFERED": "1" if is_unbuffered else ""}
    with (tmp_path / "output").open("wb") as file:
        ended = subprocess.run(
            [sys.executable, "-c", script],
            check=False,
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536)),
        )
    assert ended.returncode != 0
    assert "File too large" in ended.stderr


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_output_is_utf_8_wherever_it_goes(desk: Desk, encoding: str) -> None:
    """A pipe or file of another encoding gets the same bytes as any other."""
    desk.catalog(catalog_of(CALLS))
    desk.run(desk.write("é.jsonl", event(eventName="naïve –")))
    for command in (["usage"], ["events"], ["events", "--json"]):
        code, out, _ = ended(started(desk, *command, PYTHONIOENCODING=encoding))
        assert (code, out) == (0, desk(*command).out), encoding


def test_a_closed_standard_output_is_one_line(desk: Desk) -> None:
    """The message is one line, and the command does nothing."""
    finished = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m flows usage >&-"],
        env=clean_environment() | {"USAGE_IMPORT_DATABASE_URL": desk.database_url},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert finished.returncode == 2
    assert finished.stderr.splitlines() == [
        "usage-import: standard output is closed; give it a place, such as /dev/null"
    ]


def test_a_file_without_rows_is_named(desk: Desk) -> None:
    """An empty file is no error, but its name is printed, since it is hardly intended."""
    desk.catalog(catalog_of(CALLS))
    for name, content in (("empty.jsonl", b""), ("hi.csv", b"hi\n")):
        lines = desk("run", desk.write_bytes(name, content), "--clock", CLOCK).err
        assert f"{name}: there is no row in it" in lines
