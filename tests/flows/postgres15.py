"""A throw-away PostgreSQL 15, the oldest that is promised, where the machine has one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.database.embedded.server import embedded_url

PLACES = ("/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin", "/opt/homebrew/opt/postgresql@15/bin")
LOCALE = ("--locale=C",)  # the builtin provider came with 17; C sorts by bytes as it does


def binaries() -> Path | None:
    """The folder of the machine's own PostgreSQL 15."""
    wanted = [Path(place) for place in (os.environ.get("POSTGRES15_BIN", ""), *PLACES) if place]
    return next((place for place in wanted if (place / "initdb").exists()), None)


@contextmanager
def postgres15_url() -> Iterator[str | None]:
    """The URL of a fresh server of version 15, gone with the context; None where the machine has no such version."""
    found = binaries()
    if found is None:
        yield None
        return
    with (
        tempfile.TemporaryDirectory(prefix="postgres15-") as home,
        embedded_url(Path(home), binaries=found, locale=LOCALE) as url,
    ):
        yield url
