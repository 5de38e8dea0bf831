"""Start a temporary PostgreSQL 15, the oldest supported version, if the machine has one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.database.embedded.server import embedded_url

PLACES = ("/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin", "/opt/homebrew/opt/postgresql@15/bin")
LOCALE = ("--locale=C",)  # the builtin provider came with 17; C sorts by bytes too


def binaries() -> Path | None:
    """Return the folder of the machine's own PostgreSQL 15, if it has one."""
    wanted = [Path(place) for place in (os.environ.get("POSTGRES15_BIN", ""), *PLACES) if place]
    return next((place for place in wanted if (place / "initdb").exists()), None)


@contextmanager
def postgres15_url() -> Iterator[str | None]:
    """Give the URL of a new server of version 15 that is gone after the context, or None if the machine has no such version."""
    found = binaries()
    if found is None:
        yield None
        return
    with (
        tempfile.TemporaryDirectory(prefix="postgres15-") as home,
        embedded_url(Path(home), binaries=found, locale=LOCALE) as url,
    ):
        yield url
