"""A command says where it writes, and one that only reads makes no database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import UsageImport
from tests.flows.desk import CALLS, CLOCK, Desk, catalog_of, event

READING = (
    ("usage",),
    ("events",),
    ("unassigned",),
    ("imports",),
    ("imports", "show", "1"),
    ("rejects", "1"),
    ("settings",),
    ("settings", "billing_time_zone"),
    ("check", "rows.jsonl"),
    ("revert", "1"),
    ("rollup",),
)
SCHEMAS = "select count(*) from pg_namespace where nspname = 'usage_import'"


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_reading_makes_no_database(command: tuple[str, ...], desk: Desk) -> None:
    """In a folder without a database each command says so, and where it looked, and makes nothing."""
    desk.write("rows.jsonl", event())
    home = desk.folder / "home"
    answer = desk(
        *(desk.folder / word if word == "rows.jsonl" else word for word in command),
        exit_code=1,
        environment={"USAGE_IMPORT_DATABASE_URL": "", "USAGE_IMPORT_HOME": str(home)},
    )
    assert answer.err.startswith(f"usage-import: there is no database in {home}; ")
    assert answer.err.count("\n") == 1
    assert answer.out == ""
    assert not home.exists()


def test_reading_makes_no_schema(empty_desk: Desk) -> None:
    """In a database without our schema each command says so, and leaves it as it is."""
    source = empty_desk.write("rows.jsonl", event())
    for command in READING:
        answer = empty_desk(*(source if word == "rows.jsonl" else word for word in command), exit_code=1)
        assert answer.err.startswith("usage-import: there is no schema 'usage_import' in database ")
    assert empty_desk.select(SCHEMAS) == [(0,)]


def test_commands_that_write_make_a_database(usage_import: UsageImport, desk: Desk, tmp_path: Path) -> None:
    """A setting, a catalog and an import make the embedded database, and the import names its folder."""
    here = {"USAGE_IMPORT_DATABASE_URL": ""}
    usage_import("settings", "billing_time_zone", "Europe/Berlin", environment=here)
    assert (tmp_path / ".usage-import").is_dir()
    catalog, source = desk.write_catalog(catalog_of(CALLS)), desk.write("a.jsonl", event())
    run = usage_import("run", source, "--catalog", catalog, "--clock", CLOCK, environment=here)
    assert run.err.splitlines()[-1].endswith(", in the embedded database in .usage-import")
    again = usage_import("run", source, "--json", "--clock", CLOCK, environment=here)
    assert again.json["database"] == f"the embedded database in {tmp_path / '.usage-import'}"


def test_the_last_line_names_host_and_database(desk: Desk) -> None:
    """An import into a named database says which, without its user and its password."""
    desk.catalog(catalog_of(CALLS))
    name = desk.database_url.partition("?")[0].rpartition("/")[2]
    last = desk("run", desk.write("a.jsonl", event()), "--clock", CLOCK).err.splitlines()[-1]
    assert f", in database {name} on " in last
