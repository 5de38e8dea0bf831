"""The local stack, `usage-import up`: the database, a Prefect server with its pages, the deployments served.

Everything it keeps is in this installation's home, so nothing of the user's own Prefect is touched, and everything it
starts ends with it: on Ctrl-C in order, after a `kill -9` by itself (see `child_process`).
"""

import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from flows.database.connection import database_name, home, open_database
from flows.database.embedded.installation import URL_VARIABLE
from flows.database.file_locks import lock_file
from flows.orchestration.child_process import LOOK_SECONDS, Child, child_process
from flows.orchestration.prefect_api import (
    API_VARIABLE,
    QUIET,
    StackAddresses,
    answers,
    prefect_home,
    stack_addresses,
    stack_lock,
    stack_state,
)
from flows.orchestration.route import Say
from schemas.errors import ConfigurationError, UsageImportError

HOST: Final = "127.0.0.1"

USUAL_PORT: Final = 4200

START_SECONDS: Final = 300


NIGHTLY: Final = "import-usage/nightly-import"

PROJECT: Final = Path(__file__).parents[2]

SERVER_SETTINGS: Final[Mapping[str, str]] = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_API_URL": "/api",  # else the pages look for the API at port 4200, wherever they are
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
}


def run_stack(environ: Mapping[str, str], *, port: int | None, say: Say) -> None:
    """Bring the stack up, say where it answers, and hold it until Ctrl-C or a SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), local_stack(environ, port=port, say=say) as stack:
        say(f"Prefect: {stack.addresses.ui_url}")
        say(f"deployments: {stack.addresses.ui_url}/deployments")
        say(f"database: {stack.database}")
        say("imports of this folder go through it; Ctrl-C ends all of it")
        stack.watch()
    say("all of it has ended")


@dataclass(frozen=True)
class LocalStack:
    """A stack that is up."""

    addresses: StackAddresses
    database: str
    children: tuple[Child, ...]

    def watch(self) -> None:
        """Stay as long as every part of it lives; raises UsageImportError where one ends by itself."""
        while True:
            for child in self.children:
                child.require_life()
            time.sleep(LOOK_SECONDS)


@contextmanager
def local_stack(
    environ: Mapping[str, str], *, port: int | None = None, say: Say, is_serving: bool = True
) -> Iterator[LocalStack]:
    """Hold the database, a Prefect server and the deployments up while the context is open.

    port: of the server; without one 4200, or any that is free. Raises UsageImportError where a stack is up in this home
    already, or a part of it does not come up.
    """
    with ExitStack() as going:
        if not going.enter_context(lock_file(stack_lock(environ))):
            raise UsageImportError(is_up_message(environ))
        stack_state(environ).unlink(missing_ok=True)
        chosen = choose_port(port)
        addresses = StackAddresses(f"http://{HOST}:{chosen}/api", f"http://{HOST}:{chosen}")
        parts = (
            "the database, the Prefect server and its deployments"
            if is_serving
            else "a database and a Prefect server"
        )
        say(f"starting {parts} (some 20 seconds) …")
        engine = going.enter_context(open_database(environ))
        children = [going.enter_context(server(environ, chosen))]
        if is_serving:
            children.append(going.enter_context(deployments(environ, addresses)))
        wait_for(lambda: answers(f"{addresses.api_url}/health", patience_seconds=5), children)
        if is_serving:
            wait_for(lambda: found(f"{addresses.api_url}/deployments/name/{NIGHTLY}"), children)
        written = stack_state(environ)
        written.write_text(json.dumps(asdict(addresses)))
        going.callback(written.unlink, missing_ok=True)
        going.callback(say, "ending …")
        yield LocalStack(addresses, database_told(environ) or database_name(engine), tuple(children))


def is_up_message(environ: Mapping[str, str]) -> str:
    """One line about the stack that is in the way, and the way out."""
    addresses = stack_addresses(environ)
    where = addresses.ui_url if addresses else "starting"
    return f"a stack is up in {home(environ)} already ({where}); use it, or end it with Ctrl-C where it runs"


def database_told(environ: Mapping[str, str]) -> str | None:
    """The embedded database as a person would name it, None where another one is configured."""
    return None if environ.get(URL_VARIABLE, "").strip() else f"embedded, in {home(environ)}"


def choose_port(asked: int | None) -> int:
    """The port asked for, else the usual one, else any; raises ConfigurationError where the one asked for is taken."""
    if asked is not None:
        if not is_port_free(asked):
            raise ConfigurationError(
                f"port {asked} is taken; name another, or none: 'usage-import up' finds a free one"
            )
        return asked
    return USUAL_PORT if is_port_free(USUAL_PORT) else any_port()


def is_port_free(port: int) -> bool:
    """Whether a server can listen on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def any_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(environ: Mapping[str, str], port: int) -> Iterator[Child]:
    """A Prefect server on a port of this machine, its data in this home."""
    arguments = ("prefect", "server", "start", "--host", HOST, "--port", str(port))
    folder = prefect_home(environ)
    folder.mkdir(parents=True, exist_ok=True)
    with child_process(
        "the Prefect server", arguments, server_environment(environ), folder=folder
    ) as started:
        yield started


@contextmanager
def deployments(environ: Mapping[str, str], addresses: StackAddresses) -> Iterator[Child]:
    """A process that serves the deployments; what they import is named as from the folder in which the stack runs."""
    environment = {**server_environment(environ), **QUIET, API_VARIABLE: addresses.api_url}
    with child_process(
        "the process that serves the deployments",
        ("flows.orchestration.deployments",),
        environment,
        folder=Path.cwd(),
    ) as started:
        yield started


def server_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the stack's processes: ours, with nothing of another Prefect and with this home's name."""
    inherited = {name: value for name, value in environ.items() if not name.startswith("PREFECT_")}
    path = os.pathsep.join(filter(None, (str(PROJECT), environ.get("PYTHONPATH"))))
    folder = prefect_home(environ)
    return {
        **inherited,
        **SERVER_SETTINGS,
        "PREFECT_HOME": str(folder),
        "PREFECT_PROFILES_PATH": str(folder / "profiles.toml"),
        "PYTHONPATH": path,
        "USAGE_IMPORT_HOME": str(home(environ)),
    }


def wait_for(is_there: Callable[[], bool], children: list[Child]) -> None:
    """Wait until something is there; raises UsageImportError where a child ends first, or it takes for ever."""
    deadline = time.monotonic() + START_SECONDS
    while not is_there():
        for started in children:
            started.require_life()
        if time.monotonic() > deadline:
            slow = children[-1]
            raise UsageImportError(f"{slow.name} did not come up within {START_SECONDS} s; see {slow.log}")
        time.sleep(LOOK_SECONDS)


def found(url: str) -> bool:
    """Whether there is something at an address."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as refused:
        refused.close()
        return False
    except OSError:
        return False
