"""Bad input: whatever a user can cause ends in one line that names it and the way out, with the right exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from flows.database.connection import database_url
from flows.output.table import print_table
from tests.conftest import clean_environment
from tests.flows.desk import CALLS, CLOCK, Desk, catalog_of, event
from tests.flows.stopping import ended, started
from tests.flows.warm_commands import Answer, WarmCommands
from tests.ports import closed_port

PATIENCE_SECONDS = 120


def one_line(answer: Answer, code: int, *words: str, is_catalog: bool = False) -> None:
    """The answer is an exit code and one line on standard error that has these words; before it a catalog's problems."""
    assert "Traceback" not in answer.err, answer.err
    said = [line for line in answer.err.splitlines() if line.startswith("usage-import: ")]
    others = [line for line in answer.err.splitlines() if line not in said]
    assert answer.exit_code == code, (answer.exit_code, answer.err)
    assert len(said) == 1, answer.err
    assert is_catalog or not others or others == [NO_PREFECT], answer.err
    for word in words:
        assert word in said[0], said[0]
    assert len(said[0]) < 2000


NO_PREFECT = "no Prefect API is configured, so the stages run directly; 'usage-import up' brings one up"


def wrong_usage(answer: Answer, *words: str) -> None:
    """The answer is exit code 2 and what the parser of the command line says, which ends in a line of its own."""
    assert "Traceback" not in answer.err, answer.err
    assert answer.exit_code == 2, answer.err
    assert answer.out == ""
    for word in words:
        assert word in answer.err, answer.err


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that is wrong, and some that is right."""
    folder = tmp_path_factory.mktemp("places")
    good = folder / "catalog"
    good.mkdir()
    for kind, things in catalog_of(CALLS).items():
        (good / f"{kind}.json").write_text(json.dumps(things))
    (folder / "empty").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts" / "notes.txt").write_text("no export\n")
    (folder / "rows.jsonl").write_text(json.dumps(event()) + "\n")
    (folder / "rows.xlsx").write_bytes(b"PK\x03\x04 no")
    (folder / "rows.parquet").write_bytes(b"PAR1 and no more")
    (folder / "noise.csv").write_bytes(bytes(range(256)) * 20)
    (folder / "noise.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd and no more")
    for name, content in BROKEN_CATALOGS.items():
        broken = folder / name
        shutil.copytree(good, broken)
        (broken / content[0]).write_bytes(content[1])
    for name, text in BROKEN_MAPPINGS.items():
        (folder / f"{name}.toml").write_bytes(text)
    return folder


BROKEN_CATALOGS = {
    "catalog-no-json": ("meters.json", b'[{"id": '),
    "catalog-no-text": ("customers.json", b"\xff\xfe\x00"),
    "catalog-no-list": ("plans.json", b'"plan"'),
    "catalog-odd": ("meters.json", b'[{"id": "meter-calls", "code": "calls", "aggregationType": "MEDIAN"}]'),
    "catalog-dangling": (
        "contracts.json",
        b'[{"id":"c","customerId":"nobody","planId":"plan","startDate":"2026-01-01"}]',
    ),
    "catalog-inverted": (
        "contracts.json",
        b'[{"id":"c","customerId":"cus-acme","planId":"plan","startDate":"2026-01-01","endDate":"2025-01-01"}]',
    ),
    "catalog-twice": ("customers.json", b'[{"id":"cus-acme","name":"A"},{"id":"cus-acme","name":"B"}]'),
}

BROKEN_MAPPINGS = {
    "mapping-no-toml": b"[fields\n",
    "mapping-no-text": b"\xff\xfe",
    "mapping-odd-key": b'[fields]\neventNames = { value = "x" }\n',
    "mapping-odd-value": b'on_conflict = "shrug"\n',
    "mapping-odd-zone": b'time_zone = "Mars/Olympus"\n',
    "mapping-no-column": b'[fields]\neventName = { column = "missing" }\n',
}

ONE_LINE: dict[str, tuple[list[str], int, list[str]]] = {
    "catalog, no folder": (["catalog", "{places}/nowhere"], 2, ["nowhere"]),
    "catalog, a file": (["catalog", "{places}/rows.jsonl"], 2, ["rows.jsonl"]),
    "catalog, empty folder": (["catalog", "{places}/empty"], 2, ["empty"]),
    "catalog, other folder": (["catalog", "{places}/texts"], 2, ["texts"]),
    "catalog, clock": (["catalog", "{places}/catalog", "--clock", "yesterday"], 2, ["--clock", "'yesterday'"]),
    "catalog, clock without a zone": (["catalog", "{places}/catalog", "--clock", "2026-01-01T00:00:00"], 2, ["--clock"]),
    **{
        f"{name}": (["catalog", "{places}/" + name], 1, [content[0]]) for name, content in BROKEN_CATALOGS.items()
    },
    "settings, unknown": (["settings", "colour", "red"], 2, ["'colour'", "billing_time_zone"]),
    "settings, unknown to show": (["settings", "colour"], 2, ["'colour'"]),
    "settings, no zone": (["settings", "billing_time_zone", "Mars/Olympus"], 2, ["Mars/Olympus"]),
    "settings, path as zone": (["settings", "billing_time_zone", "../../etc/passwd"], 2, ["etc/passwd"]),
    **{
        f"{command}, {what}": ([command, source], code, [word])
        for command in ("run", "check")
        for what, source, code, word in (
            ("missing file", "{places}/nowhere.jsonl", 2, "nowhere.jsonl"),
            ("missing in a folder", "{places}/rows.jsonl/deeper.jsonl", 2, "deeper.jsonl"),
            ("folder without files", "{places}/empty", 2, "empty"),
            ("folder of other files", "{places}/texts", 2, "texts"),
            ("glob of nothing", "{places}/*.nothing", 2, "*.nothing"),
            ("unknown ending", "{places}/rows.xlsx", 1, "rows.xlsx"),
            ("broken parquet", "{places}/rows.parquet", 1, "rows.parquet"),
            ("broken zstd", "{places}/noise.jsonl.zst", 1, "noise.jsonl.zst"),
            ("unknown scheme", "ftp://example.com/rows.jsonl", 2, "ftp://"),
            ("empty name", "", 2, "empty text"),
            ("long name", "{places}/" + "x" * 300 + ".jsonl", 1, "name too long"),
        )
    },
    **{
        f"run, {name}": (["run", "{places}/rows.jsonl", "--mapping", "{places}/" + name + ".toml"], 2, [f"{name}.toml"])
        for name in BROKEN_MAPPINGS
        if name != "mapping-no-column"
    },
    "run, missing mapping": (["run", "{places}/rows.jsonl", "--mapping", "{places}/nowhere.toml"], 2, ["nowhere.toml"]),
    "run, folder as mapping": (["run", "{places}/rows.jsonl", "--mapping", "{places}/empty"], 2, ["empty"]),
    "check, mapping": (["check", "{places}/rows.jsonl", "--mapping", "{places}/mapping-no-toml.toml"], 2, ["mapping-no-toml"]),
    "run, missing catalog": (["run", "{places}/rows.jsonl", "--catalog", "{places}/nowhere"], 2, ["nowhere"]),
    "run, share": (["run", "{places}/rows.jsonl", "--max-rejected", "many"], 2, ["--max-rejected", "'many'"]),
    "run, share above all": (["run", "{places}/rows.jsonl", "--max-rejected", "101%"], 2, ["'101%'"]),
    "run, share of nothing": (["run", "{places}/rows.jsonl", "--max-rejected", "NaN"], 2, ["'NaN'"]),
    "run, clock": (["run", "{places}/rows.jsonl", "--clock", "2026-13-01T00:00:00Z"], 2, ["--clock"]),
    "check, clock": (["check", "{places}/rows.jsonl", "--clock", "now"], 2, ["'now'"]),
    "rollup, clock": (["rollup", "--clock", ""], 2, ["--clock"]),
    "usage, period": (["usage", "--period", "2026-13"], 2, ["--period", "'2026-13'"]),
    "usage, customer": (["usage", "--customer", "nobody"], 2, ["'nobody'"]),
    "usage, contract": (["usage", "--contract", "nothing"], 2, ["'nothing'"]),
    "usage, meter": (["usage", "--meter", "nothing"], 2, ["'nothing'"]),
    "usage, no text": (["usage", "--customer", "a\udcffb"], 2, ["not UTF-8"]),
    "events, customer": (["events", "--customer", "nobody"], 2, ["'nobody'"]),
    "unassigned, customer": (["unassigned", "--customer", "nobody"], 2, ["'nobody'"]),
    "unassigned, reason": (["unassigned", "--reason", "because"], 2, ["'because'", "no_contract"]),
    "imports show, none": (["imports", "show", "99"], 2, ["99"]),
    "imports show, huge": (["imports", "show", "99999999999999999999"], 2, ["99999999999999999999"]),
    "rejects, none": (["rejects", "99"], 2, ["99"]),
    "rejects, huge": (["rejects", "99999999999"], 2, ["99999999999"]),
    "rejects, nowhere to write": (["rejects", "1", "--format", "csv", "--output", "{places}/nowhere/f.csv"], 1, ["f.csv"]),
    "rejects, folder to write": (["rejects", "1", "--format", "csv", "--output", "{places}/empty"], 1, ["empty"]),
    "revert, none": (["revert", "99"], 2, ["99"]),
    "revert, negative": (["revert", "--", "-1"], 2, ["-1"]),
}  # fmt: skip
"""What one line answers: the command, the exit code, and words of the line."""

WRONG_USAGE: dict[str, tuple[list[str], list[str]]] = {
    "no such command": (["runn"], ["runn"]),
    "no such option": (["usage", "--colour"], ["--colour"]),
    "run, no source": (["run"], ["SOURCE"]),
    "check, no source": (["check"], ["SOURCE"]),
    "catalog, no folder": (["catalog"], ["DIR"]),
    "catalog, two folders": (["catalog", "a", "b"], ["b"]),
    "usage, format": (["usage", "--format", "xml"], ["xml", "parquet"]),
    "events, limit": (["events", "--limit", "0"], ["--limit"]),
    "events, limit of words": (["events", "--limit", "all"], ["--limit"]),
    "imports show, no number": (["imports", "show", "first"], ["ID"]),
    "imports, no such": (["imports", "hide"], ["hide"]),
    "rejects, no number": (["rejects", "last"], ["ID"]),
    "rejects, nothing": (["rejects"], ["ID"]),
    "revert, no number": (["revert", "x"], ["ID"]),
    "option without its value": (["run", "a.jsonl", "--clock"], ["--clock"]),
    "rollup, too much": (["rollup", "now"], ["now"]),
}


@pytest.fixture(scope="module")
def installation(
    postgres_url: str,
    template_url: str,
    warm_command_line: WarmCommands,
    tmp_path_factory: pytest.TempPathFactory,
    places: Path,
) -> Iterator[Desk]:
    """An installation with a catalog and an import, for commands that leave it as it is."""
    from tests.conftest import _new_database

    with _new_database(postgres_url, template=make_url(template_url).database) as url:
        desk = Desk(tmp_path_factory.mktemp("installation"), url, warm_command_line)
        desk.catalog(catalog_of(CALLS))
        rows = [event(), event(), event(externalCustomerId="nobody")]
        desk.run(desk.write("first.jsonl", *rows), "--max-rejected", "90%")
        yield desk


def ask(desk: Desk, *arguments: str, **environment: str) -> Answer:
    """Run a command, whatever comes of it."""
    ours = {"USAGE_IMPORT_DATABASE_URL": desk.database_url, "PREFECT_API_URL": "", "COLUMNS": "200"}
    return desk.commands.run(*arguments, environment=ours | environment)


@pytest.mark.parametrize("name", ONE_LINE)
def test_what_cannot_be_is_said_in_one_line(installation: Desk, places: Path, name: str) -> None:
    """Exactly one line, which names the thing; the right exit code; and the installation is as it was."""
    arguments, code, words = ONE_LINE[name]
    before = installation.select(STATE)
    answer = ask(installation, *(one.replace("{places}", str(places)) for one in arguments))
    one_line(answer, code, *words, is_catalog=arguments[0] == "catalog")
    assert installation.select(STATE) == before


STATE = """
    select (select count(*) from imports where status = 'loading'), (select max(catalog_version) from catalog_versions),
           (select count(*) from events), (select count(*) from usage_lines), (select count(*) from settings),
           (select count(*) from pg_tables where tablename like 'arrival%')
"""


@pytest.mark.parametrize("name", WRONG_USAGE)
def test_wrong_usage_is_exit_code_2(installation: Desk, name: str) -> None:
    """What the command line cannot be read as is said before anything happens."""
    arguments, words = WRONG_USAGE[name]
    wrong_usage(ask(installation, *arguments), *words)


ALL_COMMANDS: dict[str, list[str]] = {
    "catalog": ["catalog", "{places}/catalog"],
    "settings": ["settings"],
    "check": ["check", "{places}/rows.jsonl"],
    "run": ["run", "{places}/rows.jsonl"],
    "rollup": ["rollup"],
    "usage": ["usage"],
    "events": ["events"],
    "unassigned": ["unassigned"],
    "imports": ["imports"],
    "imports show": ["imports", "show", "1"],
    "rejects": ["rejects", "1"],
    "revert": ["revert", "1"],
}


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
    """A name that leads nowhere is said with the name."""
    one_line(
        ask(
            installation, "usage", USAGE_IMPORT_DATABASE_URL="postgresql://me:secret@no.such.host.invalid/db"
        ),
        1,
        "no.such.host.invalid",
    )


def test_a_wrong_password_is_said_without_it(installation: Desk) -> None:
    """A server that asks for a password and does not get the right one is named; the password is not."""
    url = make_url(installation.database_url)
    if not url.query.get("host") and not url.host:
        pytest.skip("the server of these tests has no address of its own")
    with installation.connected() as connection:
        connection.execute(b"create role guest login password 'right'")
        try:
            told = url.set(username="guest", password="wr0ng").render_as_string(hide_password=False)
            answer = ask(installation, "usage", USAGE_IMPORT_DATABASE_URL=told)
            one_line(answer, 1)
            assert "wr0ng" not in answer.err
        finally:
            connection.execute(b"drop role guest")


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
    """A failed import still prints its one object, and says why on standard error."""
    desk.catalog(catalog_of(CALLS))
    bad = event(externalCustomerId="nobody") if name != "nul" else event(properties={"a": "\0"})
    rows = [bad, *([event()] if name == "share" else [])]
    answer = ask(desk, "run", str(desk.write("rows.jsonl", *rows)), "--json", "--clock", CLOCK)
    one_line(answer, 1, "rejected", "rejects 1")
    told: dict[str, Any] = json.loads(answer.out)
    assert (told["status"], told["rejected"]) == ("failed", 1)


JSON_COMMANDS = [
    [*command, "--json"] for name, command in ALL_COMMANDS.items() if name not in {"revert", "imports show"}
]


def test_every_command_has_json(installation: Desk, places: Path) -> None:
    """With --json standard output is one document, whatever is said beside it."""
    for command in JSON_COMMANDS:
        answer = ask(installation, *(one.replace("{places}", str(places)) for one in command))
        assert answer.exit_code == 0, (command, answer.err)
        json.loads(answer.out)
    json.loads(ask(installation, "imports", "show", "1", "--json").out)


def test_pace_that_is_none(installation: Desk, places: Path) -> None:
    """Chunks and workers are whole numbers from 1."""
    for name in ("USAGE_IMPORT_CHUNK_ROWS", "USAGE_IMPORT_WORKERS"):
        for value in ("0", "-1", "many", "1.5"):
            answer = ask(installation, "run", str(places / "rows.jsonl"), **{name: value})
            one_line(answer, 2, name, repr(value))


def test_a_schema_of_later_is_refused(desk: Desk) -> None:
    """A database that a newer usage-import has changed is left alone."""
    with desk.connected() as connection:
        connection.execute(b"update alembic_version set version_num = '9999'")
    one_line(ask(desk, "usage"), 2, "9999", "upgrade")


def test_a_server_that_goes_away_is_said(desk: Desk) -> None:
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


def colder(desk: Desk, *arguments: str, **environment: str) -> dict[str, Any]:
    """How to start a command as a process of its own."""
    inherited = clean_environment() | {"PREFECT_API_URL": ""}
    return {
        "args": [sys.executable, "-m", "flows", *arguments],
        "env": inherited | {"USAGE_IMPORT_DATABASE_URL": desk.database_url} | environment,
        "cwd": desk.folder,
        "text": True,
        "timeout": PATIENCE_SECONDS,
    }


def answered(ended: subprocess.CompletedProcess[str]) -> Answer:
    return Answer(ended.returncode, ended.stdout or "", ended.stderr or "")


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
    told = colder(installation)
    told["args"] = ["bash", "-c", shell]
    ended = subprocess.run(**told, check=False, capture_output=True)
    assert ended.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_an_output_that_is_full(installation: Desk) -> None:
    """What cannot be written to standard output is said in one line."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            **colder(installation, "usage", "--format", "csv"),
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    one_line(answered(ended), 1, "o space left")


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
def test_a_full_disk_is_said_and_the_import_goes_on_once_there_is_room(
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


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_output_is_utf_8_wherever_it_goes(desk: Desk, encoding: str) -> None:
    """A pipe or file of another encoding gets the same bytes as any other."""
    desk.catalog(catalog_of(CALLS))
    desk.run(desk.write("é.jsonl", event(eventName="naïve –")))
    for command in (["usage"], ["events"], ["events", "--json"]):
        code, out, _ = ended(started(desk, *command, PYTHONIOENCODING=encoding))
        assert (code, out) == (0, desk(*command).out), encoding


def test_a_closed_standard_output_is_told(desk: Desk) -> None:
    """In one line, and nothing is done in vain."""
    told = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m flows usage >&-"],
        env=clean_environment() | {"USAGE_IMPORT_DATABASE_URL": desk.database_url},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert told.returncode == 2
    assert told.stderr.splitlines() == [
        "usage-import: standard output is closed; give it a place, such as /dev/null"
    ]


def test_a_file_without_rows_is_told(desk: Desk) -> None:
    """It is no error, and yet hardly what was meant."""
    desk.catalog(catalog_of(CALLS))
    for name, content in (("empty.jsonl", b""), ("hi.csv", b"hi\n")):
        said = desk("run", desk.write_bytes(name, content), "--clock", CLOCK).err
        assert f"{name}: there is no row in it" in said


def test_a_number_is_never_folded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However narrow a terminal: half a number reads as another one."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    rows = [
        {
            "customer": "a-long-name-of-a-customer",
            "period": "2026-01-01 – 2026-02-01",
            "quantity": 9007199254740993,
        }
    ]
    for width in ("20", "40", "80", "200"):
        monkeypatch.setenv("COLUMNS", width)
        print_table({name: name for name in rows[0]}, rows, right=("quantity",))
        told = capsys.readouterr().out
        assert "9007199254740993" in told
        assert "2026-01-01 – 2026-02-01" in told
