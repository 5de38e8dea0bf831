"""Find out which Prefect API is configured, without importing Prefect.

Importing Prefect costs 3 to 7 seconds, so this module reads the places that Prefect reads (`PREFECT_API_URL`,
`prefect.toml`, the active profile), and before the profile the address that `usage-import up` has written.
"""

import json
import logging
import os
import tomllib
import urllib.request
import warnings
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from flows.database.connection import home
from flows.database.file_locks import is_locked
from schemas.errors import UsageImportError
from transforms.values.credentials import without_credentials

API_VARIABLE: Final = "PREFECT_API_URL"

STACK_VARIABLE: Final = "USAGE_IMPORT_STACK"
"""Set by `usage-import up` for the processes of its stack, whose database it holds up."""

PATIENCE_SECONDS: Final = 10

RETRIES: Final = 2
"""By default Prefect asks a silent server five times, a minute in all: too long, as the import can go on without it."""

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

WAY_OUT: Final = f"see that it runs, or import without it: {API_VARIABLE}= usage-import run …"

QUIET: Final[Mapping[str, str]] = {
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_HANDLERS_DEBUG_LEVEL": "CRITICAL",
    "PREFECT_CLIENT_MAX_RETRIES": str(RETRIES),
}
"""Settings by which Prefect writes nothing on a terminal, while its logs still reach its own pages."""


@dataclass(frozen=True)
class PrefectApi:
    """A Prefect API: its address, the place that names it, and the home for the Prefect client (None: the client's own)."""

    url: str
    named_by: str
    home: Path | None = None

    @property
    def name(self) -> str:
        """The address for people, without credentials."""
        return without_credentials(self.url)


@dataclass(frozen=True)
class StackAddresses:
    """The addresses of a local stack: its API and its pages."""

    api_url: str
    ui_url: str


def require_answer(api: PrefectApi) -> None:
    """Raise UsageImportError if nobody answers at the address of an API; any answer will do."""
    try:
        reached = answers(f"{api.url}/health")
    except ValueError:
        raise UsageImportError(
            f"{api.named_by} names {api.name!r}, which is no address of a Prefect API; {WAY_OUT}"
        ) from None
    if not reached:
        raise UsageImportError(f"the Prefect API at {api.name} ({api.named_by}) does not answer; {WAY_OUT}")


def answers(url: str, *, patience_seconds: float = PATIENCE_SECONDS) -> bool:
    """Return whether anybody answers at an http address; raises ValueError if it is no such address."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(url)
    proxies = [urllib.request.ProxyHandler({})] if parts.hostname in LOOPBACK else []
    try:
        with urllib.request.build_opener(*proxies).open(url, timeout=patience_seconds):
            return True
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code < 500
    except OSError:
        return False


def configured_api(environ: Mapping[str, str]) -> PrefectApi | None:
    """Return the Prefect API that an import goes through, or None if none is configured.

    The first of: `PREFECT_API_URL` (empty: no API, whatever else is configured), `prefect.toml` in this folder, a running
    `usage-import up`, the active profile.
    """
    url = environ.get(API_VARIABLE)
    if url is not None:
        return PrefectApi(url.strip().rstrip("/"), API_VARIABLE) if url.strip() else None
    return _of_project() or running_stack(environ) or _of_profile(environ)


def _of_project() -> PrefectApi | None:
    for path, table in ((Path("prefect.toml"), ()), (Path("pyproject.toml"), ("tool", "prefect"))):
        url = _at(_toml(path), *table, "api", "url")
        if url:
            return PrefectApi(url.rstrip("/"), str(path))
    return None


def _of_profile(environ: Mapping[str, str]) -> PrefectApi | None:
    path = profiles_path(environ)
    profiles = _toml(path)
    name = environ.get("PREFECT_PROFILE") or _at(profiles, "active")
    url = _at(profiles, "profiles", name, API_VARIABLE) if name else None
    return PrefectApi(url.rstrip("/"), f"profile {name!r} of {path}") if url else None


def profiles_path(environ: Mapping[str, str]) -> Path:
    """Return the file in which Prefect keeps its profiles."""
    prefect_home = Path(environ.get("PREFECT_HOME") or "~/.prefect")
    return Path(environ.get("PREFECT_PROFILES_PATH") or prefect_home / "profiles.toml").expanduser()


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, ValueError):  # Prefect reports a broken one itself
        return {}


def _at(table: Any, *names: str) -> str | None:
    for name in names:
        table = table.get(name) if isinstance(table, dict) else None
    return table if isinstance(table, str) else None


def stack_lock(environ: Mapping[str, str]) -> Path:
    """Return the file that a local stack keeps locked as long as it lives; a kill unlocks it."""
    return home(environ) / "up.lock"


def stack_state(environ: Mapping[str, str]) -> Path:
    """Return the file in which a local stack writes its addresses."""
    return home(environ) / "up.json"


def prefect_home(environ: Mapping[str, str]) -> Path:
    """Return the home of the local stack's Prefect; the user's own is not touched."""
    return home(environ) / "prefect"


def running_stack(environ: Mapping[str, str]) -> PrefectApi | None:
    """Return the API of the `usage-import up` that runs in this home, or None if none does."""
    addresses = stack_addresses(environ)
    return PrefectApi(addresses.api_url, "usage-import up", prefect_home(environ)) if addresses else None


def stack_addresses(environ: Mapping[str, str]) -> StackAddresses | None:
    """Return the addresses of the local stack of this home, or None if none runs or it is still starting."""
    try:
        if not is_locked(stack_lock(environ)):
            return None
        return StackAddresses(**json.loads(stack_state(environ).read_text()))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def quiet_prefect(api: PrefectApi) -> Iterator[None]:
    """Let Prefect talk to one API and keep it off the terminal, unless the user has set `PREFECT_LOGGING_LEVEL`."""
    point_to(api, os.environ)
    if "PREFECT_LOGGING_LEVEL" in os.environ:
        yield
        return
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    logging.raiseExceptions = (
        False  # else each log line that cannot be shipped writes a traceback to the terminal
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def point_to(api: PrefectApi, environ: MutableMapping[str, str]) -> None:
    """Set the variables by which Prefect talks to an API."""
    environ[API_VARIABLE] = api.url
    if api.home is not None:
        environ["PREFECT_HOME"] = str(api.home)
        environ["PREFECT_PROFILES_PATH"] = str(api.home / "profiles.toml")
