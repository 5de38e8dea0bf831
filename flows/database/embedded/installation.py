"""Describe an embedded server: its files, its programs, and the account that runs it."""

import sys
from dataclasses import dataclass
from pathlib import Path

URL_VARIABLE = "USAGE_IMPORT_DATABASE_URL"
DRIVER = "postgresql+psycopg"
IS_LINUX = sys.platform == "linux"
WAY_OUT = f"set USAGE_IMPORT_HOME to another folder or {URL_VARIABLE} to a server"
SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True)
class Account:
    """The account that runs the server; None stands for our own."""

    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True)
class Server:
    """One embedded server.

    home: the folder of everything that belongs to it.
    binaries: the folder of its programs.
    locale: options of initdb.
    version: the major version of its programs.
    socket_folder: the data directory, by a name short enough for the address of a socket in it.
    """

    home: Path
    binaries: Path
    locale: tuple[str, ...]
    account: Account
    version: str
    socket_folder: str

    @property
    def folder(self) -> Path:
        """The folder of the data and the locks."""
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The file of the server's log."""
        return self.home / "postgres.log"

    @property
    def server_lock(self) -> Path:
        """The file that every process of the running server holds locked."""
        return self.folder / "server.lock"

    @property
    def users_lock(self) -> Path:
        """The file that every command holds locked, together with others, while it uses the server."""
        return self.folder / "users.lock"
