"""A session reads and writes alike, whatever the shell, the role and the database prefer, and at the database that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import make_url

from flows.database.session import make_engine
from tests.conftest import UsageImport, _new_database
from tests.flows.database.refusals import refusal
from tests.flows.desk import CALLS, Desk, catalog_of, event
from tests.flows.warm_commands import WarmCommands

C_LOCALE = "LOCALE_PROVIDER libc LOCALE 'C'"
PREFERENCES = {
    "client_encoding": "LATIN1",
    "datestyle": "SQL, DMY",
    "timezone": "Pacific/Auckland",
    "intervalstyle": "sql_standard",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "default_transaction_isolation": "serializable",
}
SHELL = {
    "PGCLIENTENCODING": "LATIN1",
    "PGOPTIONS": "-c client_encoding=latin1 -c datestyle=german -c search_path=pg_catalog",
    "PGDATESTYLE": "German",
    "PGTZ": "Pacific/Auckland",
}
MISLEADING = SHELL | {
    "PGHOST": "nowhere.invalid",
    "PGHOSTADDR": "127.0.0.1",
    "PGPORT": "1",
    "PGDATABASE": "other",
    "PGUSER": "somebody",
    "PGPASSWORD": "secret",
    "PGSERVICE": "none",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGTARGETSESSIONATTRS": "standby",
    "PGSSLMODE": "verify-full",
    "PGAPPNAME": "else",
}


def prefer(desk: Desk) -> None:
    """Let a database prefer all that changes how values are read and written."""
    database = sql.Identifier(str(make_url(desk.database_url).database))
    with desk.connected() as connection:
        for name, value in PREFERENCES.items():
            connection.execute(
                sql.SQL("alter database {} set {} = {}").format(
                    database, sql.Identifier(name), sql.Literal(value)
                )
            )


@pytest.mark.parametrize("environment", [{}, SHELL], ids=["database", "shell"])
def test_no_preference_changes_a_row(desk: Desk, environment: dict[str, str]) -> None:
    """A name with an umlaut is stored as it is, and its row is known again, whatever encoding and formats are preferred."""
    if not environment:
        prefer(desk)
    row = event(idempotencyKey="k", properties={"city": "Zürich", "n": 0.1})
    catalog = desk.write_catalog(catalog_of(CALLS))
    desk("catalog", catalog, "--clock", "2026-03-10T12:00:00Z", environment=environment)
    desk.run(desk.write("a.jsonl", row), environment=environment)
    again = desk.run(desk.write("b.jsonl", row, event(idempotencyKey="l")), environment=environment)
    assert (again["new"], again["duplicate"]) == (1, 1)
    found = desk("events", "--json", environment=environment).out
    assert "Zürich" in found
    assert "2026-02-03T04:05:06" in found


def test_sessions_have_the_same_settings(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a session prefers is set by this program in each connection."""

    def settings() -> list[object]:
        with make_engine(desk.database_url).connect() as connection:
            return [
                connection.exec_driver_sql(f"show {name}").scalar() for name in [*PREFERENCES, "search_path"]
            ]

    before = settings()
    prefer(desk)
    for name, value in SHELL.items():
        monkeypatch.setenv(name, value)
    assert settings() == before


def test_the_embedded_database_takes_nothing_from_the_shell(
    usage_import: UsageImport, tmp_path: Path
) -> None:
    """No PG… variable leads a command away from the embedded database, or keeps it out."""
    embedded = {"USAGE_IMPORT_DATABASE_URL": "", "USAGE_IMPORT_HOME": str(tmp_path / "home")}
    usage_import("settings", "billing_time_zone", "Pacific/Apia", environment=embedded)
    answer = usage_import("settings", "--json", environment=embedded | MISLEADING)
    assert answer.out == usage_import("settings", "--json", environment=embedded).out


def test_an_address_with_a_host_leads_to_that_host(desk: Desk) -> None:
    """Another server's number or service in the shell does not replace the host that the address names."""
    elsewhere = {"PGHOSTADDR": "127.0.0.1", "PGSERVICE": "none"}
    assert desk("settings", "--json", environment=elsewhere).out == desk("settings", "--json").out


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_in_another_encoding_is_refused_by_name(
    encoding: str, tmp_path: Path, postgres_url: str, warm_command_line: WarmCommands
) -> None:
    """Each command refuses a database that is not in UTF-8, and names it."""
    with _new_database(
        postgres_url, template="template0", options=f"ENCODING '{encoding}' {C_LOCALE}"
    ) as url:
        name = make_url(url).database
        assert f"the database '{name}' is encoded in {encoding};" in refusal(
            Desk(tmp_path, url, warm_command_line)
        )
