"""Make and check the data directory of the embedded Postgres."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from flows.database.embedded.installation import URL_VARIABLE, WAY_OUT, Account, Server
from flows.database.embedded.log import last_word, note
from flows.database.embedded.programs import run_program
from schemas.errors import UsageImportError


def make_data(server: Server, alive: int) -> None:
    """Make the data directory beside its place and rename it, so that it is whole or not there."""
    _check_name()
    making = server.folder / "data.new"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    give_to(making, server.account)
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", *server.locale]
    command: list[str | Path] = [server.binaries / "initdb", *options]
    made = run_program(server, command, place=making, alive=alive, output=subprocess.PIPE)
    note(server, made.stdout)
    if made.returncode != 0:
        shutil.rmtree(making, ignore_errors=True)
        raise UsageImportError(
            f"cannot make a database in {server.home}: {last_word(made.stdout, server)} (log: {server.log}); {WAY_OUT}"
        )
    _write_access(making)
    making.rename(server.data)
    sync(server.folder)


def _check_name() -> None:
    """Refuse where initdb would, which asks for the user's name: containers run under numbers without one."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise UsageImportError(
            f"user {os.geteuid()} has no name on this machine, which Postgres asks for; "
            f"add one to /etc/passwd or set {URL_VARIABLE} to a server"
        ) from None


def check_data(server: Server) -> None:
    """Raise UsageImportError where the data directory is not one of this version of Postgres."""
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
            give_to(path, server.account)


def give_to(path: Path, account: Account) -> None:
    """Make the account of the server the owner of a path."""
    if account.uid is not None and account.gid is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _write_access(data: Path) -> None:
    """Leave the socket as the only way in: no line for hosts, whatever listen_addresses might say."""
    access = data / "pg_hba.conf"
    access.write_text(
        "# the socket lies in this folder, which only its owner may enter\nlocal all all trust\n"
    )
    sync(access)


def sync(path: Path) -> None:
    """Write a file or folder through to the disk."""
    opened = os.open(path, os.O_RDONLY)
    os.fsync(opened)
    os.close(opened)
