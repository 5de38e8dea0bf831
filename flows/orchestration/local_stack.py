"""Run the local stack, `usage-import up`: the database, a Prefect server with its pages, and the served deployments.

All its data is in the home of this installation, so the user's own Prefect is not touched. All its processes end with it:
on Ctrl-C in order, after a `kill -9` by themselves (see `child_process`).
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

from flows.database.connection import home, open_database
from flows.database.embedded.installation import URL_VARIABLE
from flows.database.errors import database_name
from flows.database.file_locks import lock_file
from flows.orchestration.child_process import LOOK_SECONDS, Child, child_process
from flows.orchestration.prefect_api import (
    API_VARIABLE,
    QUIET,
    STACK_VARIABLE,
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
    """Bring the stack up, print its addresses, and hold it until Ctrl-C or a SIGTERM."""
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
        """Wait as long as every process lives; raises UsageImportError if one ends by itself."""
        while True:
            for child in self.children:
                child.require_life()
            time.sleep(LOOK_SECONDS)


@contextmanager
def local_stack(
    environ: Mapping[str, str], *, port: int | None = None, say: Say, is_serving: bool = True
) -> Iterator[LocalStack]:
    """Hold the database, a Prefect server and the deployments up while the context is open.

    port: the server's port; None for 4200, or any free port if 4200 is taken. is_serving: whether to serve the
    deployments. Raises UsageImportError if a stack is up in this home already, or if a part of it does not come up.
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
        yield LocalStack(addresses, embedded_name(environ) or database_name(engine), tuple(children))


def is_up_message(environ: Mapping[str, str]) -> str:
    """Return one line that names the running stack and the way out."""
    addresses = stack_addresses(environ)
    where = addresses.ui_url if addresses else "starting"
    return f"a stack is up in {home(environ)} already ({where}); use it, or end it with Ctrl-C where it runs"


def embedded_name(environ: Mapping[str, str]) -> str | None:
    """Return the name of the embedded database for people, or None if another database is configured."""
    return None if environ.get(URL_VARIABLE, "").strip() else f"embedded, in {home(environ)}"


def choose_port(port: int | None) -> int:
    """Return the port if one is given, else 4200, else any free one; raises ConfigurationError if the given one is taken."""
    if port is not None:
        if not is_port_free(port):
            raise ConfigurationError(
                f"port {port} is taken; name another, or none: 'usage-import up' finds a free one"
            )
        return port
    return USUAL_PORT if is_port_free(USUAL_PORT) else any_port()


def is_port_free(port: int) -> bool:
    """Return whether a server can listen on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def any_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(environ: Mapping[str, str], port: int) -> Iterator[Child]:
    """Run a Prefect server on a port of this machine, with its data in this home."""
    arguments = ("prefect", "server", "start", "--host", HOST, "--port", str(port))
    folder = prefect_home(environ)
    folder.mkdir(parents=True, exist_ok=True)
    with child_process(
        "the Prefect server", arguments, server_environment(environ), folder=folder
    ) as started:
        yield started


@contextmanager
def deployments(environ: Mapping[str, str], addresses: StackAddresses) -> Iterator[Child]:
    """Run a process that serves the deployments; relative sources are looked up in the folder in which the stack runs."""
    of_stack = {API_VARIABLE: addresses.api_url, STACK_VARIABLE: "1"}
    environment = {**server_environment(environ), **QUIET, **of_stack}
    with child_process(
        "the process that serves the deployments",
        ("flows.orchestration.deployments",),
        environment,
        folder=Path.cwd(),
    ) as started:
        yield started


def server_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the stack's processes: this one, without variables of another Prefect, with this home."""
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


def wait_for(is_ready: Callable[[], bool], children: list[Child]) -> None:
    """Wait until a condition holds; raises UsageImportError if a child ends first, or after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while not is_ready():
        for started in children:
            started.require_life()
        if time.monotonic() > deadline:
            slow = children[-1]
            raise UsageImportError(f"{slow.name} did not come up within {START_SECONDS} s; see {slow.log}")
        time.sleep(LOOK_SECONDS)


def found(url: str) -> bool:
    """Return whether an http address answers with 200."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as refused:
        refused.close()
        return False
    except OSError:
        return False
