"""Prepare the place of an embedded server: its folders, its account, and a path short enough for a socket."""

import os
import pwd
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.database.embedded.installation import IS_LINUX, SOCKET_NAME, URL_VARIABLE, Account, Server
from flows.database.embedded.programs import runnable
from schemas.errors import ConfigurationError

SOCKET_PATH_BYTES = 103  # macOS; Linux takes 107


@contextmanager
def short_path(folder: Path) -> Iterator[str]:
    """Give a path of `folder` by which a socket in it can be addressed: its own, or that of a temporary link to it.

    The kernel limits the length of a socket's address, and libpq takes a comma for a list of addresses; the length and
    commas of the link's target do not matter to either. Each process makes its own link, which the server does not know:
    nobody has to find it again, and a cleaner of temporary files harms one command only.
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


def prepare(home: Path, *, binaries: Path, locale: tuple[str, ...], socket_folder: str) -> Server:
    """Create the folders of a server, and find the programs and the account that run it."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "postgres").mkdir(mode=0o700, exist_ok=True)
    account = _account(home / "postgres" / "data")
    binaries, release = runnable(binaries, account)
    return Server(home, binaries, locale, account, release, socket_folder)


def _account(data: Path) -> Account:
    """Return our own account; for root, which Postgres refuses, the owner of the data or else `nobody`."""
    if os.geteuid() != 0:
        return Account()
    if not IS_LINUX:
        raise ConfigurationError(
            f"the embedded Postgres cannot run as root on {sys.platform}; run as a user or set {URL_VARIABLE}"
        )
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise ConfigurationError(
            f"Postgres does not run as root and there is no user 'nobody'; run as a user or set {URL_VARIABLE}"
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)
