"""Create and check the data directory of the embedded Postgres."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from flows.database.embedded.installation import URL_VARIABLE, WAY_OUT, Account, Server
from flows.database.embedded.log import append_to_log, last_error
from flows.database.embedded.programs import run_program
from schemas.errors import UsageImportError

OTHERS = 0o077
"""The modes of a data directory that would let other users in."""


def make_data(server: Server, server_lock: int) -> None:
    """Create the data directory under another name and rename it, so that it is complete or missing.

    server_lock: descriptor of the held server lock, which initdb inherits.
    Raises UsageImportError if initdb fails; nothing is left behind then.
    """
    _check_user_name()
    new = server.folder / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    _change_owner(new, server.account)
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", *server.locale]
    command: list[str | Path] = [server.binaries / "initdb", *options]
    ended = run_program(server, command, data=new, server_lock=server_lock, output=subprocess.PIPE)
    append_to_log(server, ended.stdout)
    if ended.returncode != 0:
        shutil.rmtree(new, ignore_errors=True)
        raise UsageImportError(
            f"cannot make a database in {server.home}: {last_error(server, ended.stdout)} (log: {server.log}); {WAY_OUT}"
        )
    _write_access(new)
    new.rename(server.data)
    _sync(server.folder)


def check_data(server: Server) -> None:
    """Raise UsageImportError if the data directory is not one of this version of Postgres."""
    try:
        version = (server.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise UsageImportError(
            f"{server.data} is not a Postgres data directory; move it away, or {WAY_OUT}"
        ) from None
    if version != server.version:
        raise UsageImportError(
            f"{server.data} was made by PostgreSQL {version} and this is {server.version}; "
            f"move it away, or {WAY_OUT}"
        )
    if server.account.uid not in {None, server.data.stat().st_uid}:  # root copied it and owns the copy
        for path in (server.data, *server.data.rglob("*")):
            _change_owner(path, server.account)
    if server.data.stat().st_mode & OTHERS:  # a copy without its modes, which Postgres refuses
        server.data.chmod(0o700)


def _check_user_name() -> None:
    """Raise UsageImportError if the user has no name, as in some containers; initdb would fail without one."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise UsageImportError(
            f"user {os.geteuid()} has no name on this machine, which Postgres asks for; "
            f"add one to /etc/passwd or set {URL_VARIABLE} to a server"
        ) from None


def _change_owner(path: Path, account: Account) -> None:
    if account.uid is not None and account.gid is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _write_access(data: Path) -> None:
    """Allow connections by the socket only: without a line for hosts, whatever listen_addresses is set to."""
    access = data / "pg_hba.conf"
    access.write_text(
        "# the socket lies in this folder, which only its owner may enter\nlocal all all trust\n"
    )
    _sync(access)


def _sync(path: Path) -> None:
    """Write a file or folder through to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
