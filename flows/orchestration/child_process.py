"""Run a module as a child process that ends when its parent ends: `python -m flows.orchestration.child_process MODULE [ARGUMENT…]`.

The parent holds the other end of standard input. Whatever ends the parent, a `kill -9` too, closes it, and the whole
process group ends.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from schemas.errors import UsageImportError

END_SECONDS: Final = 10

LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True)
class Child:
    """A process of the stack: its name, the process, and the log of its output."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def require_life(self) -> None:
        """Raise UsageImportError if the process has ended by itself."""
        if self.process.poll() is not None:
            raise UsageImportError(f"{self.name} ended by itself: {last_line(self.log)}; see {self.log}")


@contextmanager
def child_process(
    name: str, arguments: tuple[str, ...], environment: Mapping[str, str], *, folder: Path
) -> Iterator[Child]:
    """Run a module as a process that ends with this context and with this process."""
    log = Path(environment["USAGE_IMPORT_HOME"]) / f"{arguments[0].rpartition('.')[2]}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 (our own modules)
            [sys.executable, "-m", "flows.orchestration.child_process", *arguments],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,  # a Ctrl-C at the terminal reaches only the parent, which ends the others in order
        )
    try:
        yield Child(name, process, log)
    finally:
        end(process)


def end(process: subprocess.Popen[Any]) -> None:
    """End a process and its group: by SIGTERM, and by SIGKILL if it does not end within some seconds."""
    with suppress(ProcessLookupError):
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _close(process.stdin)


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        stream.close()


def last_line(log: Path) -> str:
    """Return the last line of a log."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it wrote nothing"


GRACE_SECONDS: Final = 3


def main() -> None:
    """Run the module that the first argument names as a program."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def end_with_parent() -> None:
    """Wait until the parent has ended, then end the process group."""
    while os.read(0, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
