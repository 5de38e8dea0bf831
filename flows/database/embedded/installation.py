"""An embedded server: where its files are, which programs run it, and under whom."""

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
    """Under whom the server runs: None means under ourselves."""

    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True)
class Server:
    """One embedded server: where its files are, which binaries run it, and under whom."""

    home: Path
    binaries: Path
    locale: tuple[str, ...]
    account: Account
    version: str
    socket_folder: str

    @property
    def folder(self) -> Path:
        """Return the folder of the data and the locks."""
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        """Return the data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """Return the file of the server's log."""
        return self.home / "postgres.log"

    @property
    def alive(self) -> Path:
        """Return the lock file that the living server holds."""
        return self.folder / "server.lock"
