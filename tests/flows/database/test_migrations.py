"""Migrations keep the data: each is applied wholly or not at all, once, and changes no answer of an earlier version."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import flows.database.migrate as module
from flows.database.migrate import MIGRATION_LOCK, MIGRATIONS, SCHEMA_VERSION, VERSION_TABLE, migrate
from tests.flows.database.refusals import refusal
from tests.flows.desk import CLOCK, Desk
from tests.flows.saved_versions import VERSIONS, answers, engine_on, fill, load, rows_as_sql
from tests.flows.stopping import ended, one_truth, started, wait_for

NEXT_VERSION = f"{int(SCHEMA_VERSION) + 1:04}"
NEXT_MIGRATION = f'''"""Number the events anew, for a test."""

from alembic import op

revision = "{NEXT_VERSION}"
down_revision = "{SCHEMA_VERSION}"


def upgrade() -> None:
    """Add a column and a table."""
    op.execute("alter table events add column extra integer not null default 7")
    op.execute("create table extras as select count(*) as events from events")
'''

SCHEMA = """
    select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns
    where table_schema = 'usage_import' order by 1, 2
"""
INDEXES = "select indexname, indexdef from pg_indexes where schemaname = 'usage_import' order by 1"
TABLES = "select quote_ident(tablename) from pg_tables where schemaname = 'usage_import' order by 1"
WAITING = (
    f"select count(*) from pg_locks where locktype = 'advisory' and not granted and objid = {MIGRATION_LOCK}"
)


def scripts(folder: Path = MIGRATIONS) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(folder))
    return ScriptDirectory.from_config(config)


REVISIONS = [script.revision for script in reversed(list(scripts().walk_revisions()))]


@pytest.fixture
def full_desk(desk: Desk) -> Desk:
    """A desk with imports of every outcome."""
    fill(desk)
    return desk


def content(desk: Desk) -> dict[str, Any]:
    """Return everything in a database: its columns, its indexes, and the rows of each table."""
    found: dict[str, Any] = {"columns": desk.select(SCHEMA), "indexes": desk.select(INDEXES)}
    return found | {
        table: desk.select(f"select t::text from {table} t order by 1") for (table,) in desk.select(TABLES)
    }


def is_kept(before: Any, after: Any) -> bool:
    """Return whether an answer says all that it said before; a later version may add fields to it."""
    if isinstance(before, dict) and isinstance(after, dict):
        return all(name in after and is_kept(value, after[name]) for name, value in before.items())
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(is_kept, before, after))
    return bool(before == after)


def upgrade(desk: Desk, version: str = SCHEMA_VERSION) -> None:
    with engine_on(desk.database_url) as engine:
        migrate(engine, version=version)


def migrations_with(migration: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process know one migration more."""
    shutil.copytree(MIGRATIONS, folder)
    (folder / "versions" / f"{NEXT_VERSION}_for_a_test.py").write_text(migration, encoding="utf-8")
    monkeypatch.setattr(module, "MIGRATIONS", folder)
    monkeypatch.setattr(module, "SCHEMA_VERSION", NEXT_VERSION)


# --- Versions ---


def test_the_program_knows_its_newest_migration() -> None:
    """The version that the program asks for is the end of the one chain of migrations, which is in order as text."""
    assert scripts().get_heads() == [SCHEMA_VERSION]
    assert sorted(REVISIONS) == REVISIONS
    assert REVISIONS[-1] == SCHEMA_VERSION


@pytest.mark.parametrize("version", REVISIONS)
def test_an_upgrade_changes_no_answer(version: str, full_desk: Desk, empty_desk: Desk) -> None:
    """A database of each version, with data in it, is upgraded to the newest, and the commands print as much as before.

    Databases of earlier versions were saved before their successor was written; one of the newest version is made here.
    """
    if version == SCHEMA_VERSION:
        rows, before = rows_as_sql(full_desk), answers(full_desk)
    else:
        saved = VERSIONS / f"{version}.sql"
        assert saved.exists(), (
            f"on the last commit of version {version} run python -m tests.flows.saved_versions"
        )
        rows, before = (
            saved.read_text("utf-8"),
            json.loads(saved.with_suffix(".json").read_text("utf-8"), parse_float=str),
        )
    load(empty_desk, version, rows)
    after = answers(empty_desk)
    for command, answer in before.items():
        assert is_kept(answer, after[command]), command
    again = empty_desk.run(
        empty_desk.write("again.jsonl", {"eventName": "call", "externalCustomerId": "acme"})
    )
    assert again["new"] == 1


def test_the_next_migration_keeps_all_rows(
    full_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration on a database with data changes what it says and nothing else."""
    before = content(full_desk)
    migrations_with(NEXT_MIGRATION, tmp_path / "migrations", monkeypatch)
    upgrade(full_desk, NEXT_VERSION)
    after = content(full_desk)
    assert after.pop("extras") == [(f"({len(before['events'])})",)]
    assert after["events"] == [(f"{row[:-1]},7)",) for (row,) in before["events"]]
    assert after[VERSION_TABLE] == [(f"({NEXT_VERSION})",)]
    changed = {"events", "columns", "indexes", VERSION_TABLE}
    assert {name: rows for name, rows in after.items() if name not in changed} == {
        name: rows for name, rows in before.items() if name not in changed
    }
    assert set(before["columns"]) < set(after["columns"])
    assert after["indexes"] == before["indexes"]


def test_commands_leave_a_current_database_as_it_is(full_desk: Desk) -> None:
    """Commands that only read, a check, and the same catalog again change nothing in a database of the newest version."""
    before = content(full_desk)
    answers(full_desk)
    full_desk("check", full_desk.folder / "second.jsonl", "--clock", CLOCK)
    full_desk("catalog", full_desk.folder / "catalog", "--clock", CLOCK)
    upgrade(full_desk)
    assert content(full_desk) == before


# --- Refusals and failures ---


def test_an_unknown_newer_version_is_refused(full_desk: Desk) -> None:
    """A database of a newer program is refused in one line and stays as it is."""
    version = "9999"
    with full_desk.connected() as connection:
        connection.execute(f"update {VERSION_TABLE} set version_num = %s".encode(), [version])
    before = content(full_desk)
    assert refusal(full_desk) == (
        f"usage-import: the database has schema {version}, newer than this usage-import knows ({SCHEMA_VERSION}); "
        "upgrade usage-import\n"
    )
    assert content(full_desk) == before


@pytest.mark.parametrize("is_empty", [False, True], ids=["data", "empty"])
def test_a_migration_that_fails_leaves_nothing(
    full_desk: Desk, empty_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_empty: bool
) -> None:
    """An error half-way through leaves the database as it was, also if earlier migrations of the same upgrade succeeded."""
    desk = empty_desk if is_empty else full_desk
    before = content(desk)
    migrations_with(NEXT_MIGRATION + '    op.execute("select 1 / 0")\n', tmp_path / "migrations", monkeypatch)
    with pytest.raises(Exception, match="division by zero"):
        upgrade(desk, NEXT_VERSION)
    assert content(desk) == before


# --- At once ---


def test_processes_that_migrate_at_once_make_one_schema(empty_desk: Desk, full_desk: Desk) -> None:
    """Commands that find an empty database at the same moment all succeed, and the schema is made once."""
    with empty_desk.connected() as connection:
        connection.execute(f"select pg_advisory_lock({MIGRATION_LOCK})".encode())
        processes = [started(empty_desk, "settings", "billing_time_zone", "UTC", "--wait") for _ in range(3)]
        wait_for(connection, WAITING, "= 3")
        assert one_truth(connection, "select to_regclass('events') is null")
        connection.execute(f"select pg_advisory_unlock({MIGRATION_LOCK})".encode())
        found = [ended(process) for process in processes]
    assert [exit_code for exit_code, _, _ in found] == [0, 0, 0]
    assert empty_desk.select(SCHEMA) == full_desk.select(SCHEMA)
    assert empty_desk.select(INDEXES) == full_desk.select(INDEXES)
    assert empty_desk.select(f"select version_num from {VERSION_TABLE}") == [(SCHEMA_VERSION,)]
