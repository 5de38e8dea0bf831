"""A configured address is used or refused, and an embedded Postgres that cannot start says why in one line."""

import subprocess
from pathlib import Path

import pytest

from flows.database.connection import database_url
from schemas.errors import ConfigurationError, UsageImportError
from tests.flows.embedded_postgres import IS_ROOT

# --- Refusals ---


@pytest.mark.parametrize(
    ("configured", "used"),
    [
        (
            "postgresql://u:p%40w@h:5433/d?sslmode=require",
            "postgresql+psycopg://u:p%40w@h:5433/d?sslmode=require",
        ),
        (" postgres://h/d ", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg:///d?host=/run/pg", "postgresql+psycopg:///d?host=%2Frun%2Fpg"),
    ],
)
def test_configured_address_is_used(home: Path, configured: str, used: str) -> None:
    """USAGE_IMPORT_DATABASE_URL wins, in every spelling that Postgres's own programs accept; the home stays empty."""
    with database_url(home, environ={"USAGE_IMPORT_DATABASE_URL": configured}) as url:
        assert url == used
    assert not home.exists()


@pytest.mark.parametrize(
    ("configured", "message"),
    [
        ("mysql://u:secret@h/d", "starts with 'mysql'"),
        ("postgresql+asyncpg://u:secret@h/d", "starts with 'postgresql\\+asyncpg'"),
        ("host=h dbname=d", "does not start with 'postgresql://'"),
        ("postgresql://u:secret@h:port/d", "cannot be read as"),
        ("postgresql:u:secret@h", "cannot be read as"),
        ("postgresql://u:secret@h/d?sslmod=require", 'invalid connection option "sslmod"'),
        ("postgresql://u:p@secret/w:rd@h/d", "percent-encode"),
        ("postgresql://u:p@secret@h/d", "percent-encode"),
        ("postgresql://h:5432/d?user=u&password=p@secret", "percent-encode"),
        ("postgresql://u@h/d?password=p&secret=x", "percent-encode"),
        ("postgresql://h/d?dbname=postgresql://u:secret@h/d", "percent-encode"),
    ],
)
def test_wrong_address_is_refused_without_its_password(home: Path, configured: str, message: str) -> None:
    """An invalid address is wrong configuration, reported in one line without its password."""
    with (
        pytest.raises(ConfigurationError, match=f"USAGE_IMPORT_DATABASE_URL.*{message}") as refused,
        database_url(home, environ={"USAGE_IMPORT_DATABASE_URL": configured}),
    ):
        pass
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def refusal(home: Path) -> str:
    with pytest.raises(UsageImportError) as refused, database_url(home, environ={}):
        pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_data_of_another_version_is_refused(home: Path) -> None:
    """Data of PostgreSQL 15 is left alone by 18, and the message names both versions."""
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("15\n")
    assert "was made by PostgreSQL 15 and this is 18" in refusal(home)
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_foreign_folder_is_refused(home: Path) -> None:
    """A folder that is no data directory is not overwritten."""
    (home / "postgres" / "data").mkdir(parents=True)
    assert "is not a Postgres data directory" in refusal(home)


def test_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """If no folder can be created, the message says why and names the ways out."""
    (tmp_path / "file").write_text("")
    message = refusal(tmp_path / "file" / "home")
    assert f"cannot keep a database in {tmp_path}/file/home: Not a directory" in message
    assert "USAGE_IMPORT_HOME" in message


def test_a_failed_start_is_explained(home: Path) -> None:
    """The message quotes the reason in the log and names the log."""
    with database_url(home, environ={}):
        pass
    (home / "postgres" / "data" / "postgresql.conf").write_text("shared_buffers = many\n")
    message = refusal(home)
    assert message.startswith("the embedded Postgres did not start: ")
    assert "postgresql.conf" in message
    assert f"(log: {home}/postgres.log)" in message


@pytest.mark.skipif(not IS_ROOT, reason="only root mounts a small disk")
def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    """On a disk too small for a database the message says so, and no half-made data directory stays."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=False).returncode != 0:
        pytest.skip("this machine mounts no disks")
    try:
        assert "No space left on device" in refusal(disk / "home")
        assert not (disk / "home" / "postgres" / "data").exists()
        assert not (disk / "home" / "postgres" / "data.new").exists()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
