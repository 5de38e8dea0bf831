"""The embedded Postgres runs in any folder, under any user and with safe settings."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from flows.database.connection import database_url
from flows.database.embedded import programs
from flows.database.embedded.programs import bin_dir
from flows.database.embedded.server import embedded_url
from flows.database.embedded.settings import EMBEDDED_LOCALE
from tests.flows.embedded_postgres import IS_ROOT, Command, ask, end_commands, postmaster, processes
from tests.flows.postgres15 import binaries as binaries15
from tests.flows.postgres15 import postgres15_url


@pytest.fixture(autouse=True)
def _no_command_stays() -> Iterator[None]:
    """A test that fails leaves no process and no open pipe to the next."""
    yield
    end_commands()


# --- Places ---


@pytest.mark.parametrize(
    "name",
    [
        "with spaces",
        "Füße-東京-🐘",
        "a,b;c'd\"e$HOME`x`%41",
        "/".join(["long" * 15] * 4),
        "/".join(["deep" * 50] * 6),
    ],
    ids=["spaces", "unicode", "signs", "long", "deep"],
)
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    """A home may have spaces, Unicode, special characters of shells and URLs, and a path too long for a socket."""
    home = tmp_path / name / ".usage-import"
    command = Command(home)
    assert ask(command.url(), "SELECT current_setting('server_encoding')") == "UTF8"
    assert command.leave() == (0, "")
    assert processes(home) == []


def test_private_link_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link that shortens a long path is closed to others, and is deleted at the end."""
    short = Path(tempfile.mkdtemp(prefix="t"))
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    with database_url(tmp_path / ("long" * 25) / "home", environ={}):
        [link] = short.iterdir()
        assert link.stat().st_mode & 0o777 == 0o700
    assert list(short.iterdir()) == []
    short.rmdir()


@pytest.mark.skipif(not IS_ROOT, reason="only root runs the server under another uid")
def test_root_needs_no_open_folders_and_changes_none(tmp_path: Path) -> None:
    """In folders that are closed to others, the server runs as nobody and the folders stay closed."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with database_url(closed / "home", environ={}) as url:
        assert ask(url, "SELECT 1") == "1"
        assert Path(f"/proc/{postmaster(closed / 'home')}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "home" / "postgres").stat().st_mode & 0o777 == 0o700


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every uid can reach, as /var/cache is."""
    folder = Path(tempfile.mkdtemp(prefix="open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not IS_ROOT, reason="only root runs the server under another uid")
def test_root_may_have_its_programs_in_a_closed_folder(
    tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs under /root, which the account `nobody` cannot reach, are copied once, and the originals stay."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = bin_dir().parents[1]
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, closed / part.name)
    monkeypatch.setattr(programs, "BINARIES_FOR_ROOT", open_folder / "cache")
    for _ in range(2):
        with embedded_url(
            tmp_path / "home", binaries=closed / package.name / "pginstall" / "bin", locale=EMBEDDED_LOCALE
        ) as url:
            assert ask(url, "SELECT 1") == "1"
    assert len(list((open_folder / "cache").iterdir())) == 1
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not IS_ROOT, reason="only root can own the copy")
def test_copy_made_by_root_works(home: Path) -> None:
    """Data that root has copied, and therefore owns, is given back to the server's account."""
    with database_url(home, environ={}) as url:
        ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
    copied = home.parent / "copied"
    shutil.copytree(home, copied)
    with database_url(copied, environ={}) as url:
        assert ask(url, "SELECT n FROM kept") == "7"


def works_as_ordinary_user(home: Path, programs: Path) -> bool:
    with embedded_url(home, binaries=programs, locale=EMBEDDED_LOCALE) as url:
        ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
        is_ours = Path(f"/proc/{postmaster(home)}").stat().st_uid == os.geteuid()
    (home / "postgres" / "data" / "postmaster.pid").write_text(
        f"{os.getpid()}\n{home}\n0\n5432\n.\n\n 1 1\nready   \n"
    )
    with embedded_url(home, binaries=programs, locale=EMBEDDED_LOCALE) as url:
        return is_ours and ask(url, "SELECT n FROM kept") == "7"


def test_ordinary_user_with_a_stale_file_that_names_a_living_process(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It works as an ordinary user, even if a postmaster.pid left by a crash names a process of somebody else."""
    if not IS_ROOT:
        assert works_as_ordinary_user(open_folder / "home", bin_dir())
        return
    monkeypatch.setattr(programs, "BINARIES_FOR_ROOT", open_folder / "with späces")
    copies = programs._copy(bin_dir())
    account = next(one for one in pwd.getpwall() if one.pw_uid not in {0, pwd.getpwnam("nobody").pw_uid})
    os.chown(open_folder, account.pw_uid, account.pw_gid)
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            os._exit(0 if works_as_ordinary_user(open_folder / "home", copies) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert processes(open_folder / "home") == []


def test_variables_of_postgres_do_not_reach_the_server(home: Path) -> None:
    """PGPORT, PGDATA and PGHOST of the user's own Postgres change nothing."""
    command = Command(
        home, PGPORT="1", PGDATA="/nowhere", PGHOST="nowhere", LC_ALL="nowhere", TZ="Asia/Tokyo"
    )
    assert ask(command.url(), "SELECT current_setting('TimeZone')") == "UTC"
    assert command.leave() == (0, "")


# --- Settings ---


def test_commits_are_durable(home: Path) -> None:
    """The settings of durability keep the defaults of Postgres, and there is no port."""
    with database_url(home, environ={}) as url:
        for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert ask(url, f"SHOW {name}") == "on"
        assert ask(url, "SHOW listen_addresses") == ""
        assert (
            ask(url, "SELECT datcollate || datlocale FROM pg_database WHERE datname = 'postgres'")
            == "CC.UTF-8"
        )


@pytest.mark.skipif(binaries15() is None, reason="the machine has no PostgreSQL 15")
def test_life_cycle_holds_on_15() -> None:
    """The oldest supported version accepts the same settings."""
    with postgres15_url() as url:
        assert url is not None
        assert ask(url, "SELECT current_setting('server_version_num')::int / 10000") == "15"
