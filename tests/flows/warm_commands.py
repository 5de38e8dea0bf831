"""The command line many times over from one warm process: every command is a fork of it, with nothing left behind.

Started as `python -m tests.flows.warm_commands`, it answers one JSON request a line on standard input: arguments,
environment, and where the output goes. Each runs `flows.commands.app.main` in a process of its own. It reports the modules that
it had to import, and the warm process imports them too: the next command finds them there, and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Answer:
    """The answer of a command: its exit code, standard output and standard error."""

    exit_code: int
    out: str
    err: str


class WarmCommands:
    """The near end of one warm process."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder

    def run(self, *arguments: str, environment: Mapping[str, str]) -> Answer:
        out, err = self._folder / "out", self._folder / "err"
        request = {"arguments": arguments, "out": str(out), "err": str(err), "environment": dict(environment)}
        to_process, from_process = self._process.stdin, self._process.stdout
        assert to_process is not None
        assert from_process is not None
        to_process.write(json.dumps(request) + "\n")
        to_process.flush()
        return Answer(int(from_process.readline()), out.read_text(), err.read_text())


@contextmanager
def warm_commands(folder: Path) -> Iterator[WarmCommands]:
    """A warm process that runs its commands in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(root), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]),
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-m", "tests.flows.warm_commands"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment
    ) as process:
        try:
            yield WarmCommands(process, folder)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _serve(requests: IO[str]) -> None:
    for line in requests:
        request = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _become(request, writing)
        os.close(writing)
        with os.fdopen(reading) as report:
            imported = report.read().split()
        _, status = os.waitpid(child, 0)
        for module in imported:
            if module not in sys.modules:
                with suppress(ImportError):
                    import_module(module)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(request: dict[str, object], imported: int) -> None:
    """Run the program as a process of its own would, report the modules it imported, and end."""
    code = 70
    try:
        for number, name in ((1, "out"), (2, "err")):
            target = os.open(str(request[name]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(target, number)
        environment, arguments = request["environment"], request["arguments"]
        assert isinstance(environment, dict)
        assert isinstance(arguments, list)
        os.environ.update(environment)
        sys.argv = ["usage-import", *arguments]
        code = _exit_code_of_main()
    except BaseException:  # noqa: BLE001 (the child must end here, whatever happened)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        with os.fdopen(imported, "w") as report:
            report.write("\n".join(name for name in list(sys.modules) if name != "__main__"))
        os._exit(code)


def _exit_code_of_main() -> int:
    from flows.commands.app import main

    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    _serve(sys.stdin)
