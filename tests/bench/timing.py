"""Timing a command from its start to its exit: wall time, processor time of both sides, and its peak memory."""

import os
import re
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import psutil

from tests.bench.servers import Server

SAMPLE_SECONDS: Final = 0.05
OUTPUT_KEPT: Final = 2_000
TIME_LIMIT_SECONDS: Final = 7_200


class CommandFailedError(Exception):
    """A contender's command that failed, with the last line of its errors."""


@dataclass(frozen=True)
class Command:
    """A command as a person would give it; what differs from our environment."""

    words: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Timed:
    """One timed run: seconds from start to exit, processor seconds, peak bytes of the client's processes, its output."""

    seconds: float
    client_cpu: float
    server_cpu: float
    peak_bytes: int
    output: str


def timed(command: Command, server: Server) -> Timed:
    """Run a command to its end; raises CommandFailedError where it fails."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        cpu, started = server.cpu_seconds(), time.perf_counter()
        process = subprocess.Popen(
            command.words, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, env=environ | dict(command.environ)
        )  # fmt: skip
        with Peak(process.pid) as peak:
            _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        output, complaint = out.read(), errors.read()
    if process.returncode:
        raise CommandFailedError((complaint or output).strip()[-OUTPUT_KEPT:])
    return Timed(
        seconds=seconds,
        client_cpu=used.ru_utime + used.ru_stime,
        server_cpu=server.cpu_seconds() - cpu,
        peak_bytes=peak.bytes,
        output=output,
    )


class Peak:
    """The most memory that a process and its children were seen with at once."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.bytes = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.over.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.over.wait(SAMPLE_SECONDS):
            try:
                root = psutil.Process(self.pid)
                seen = sum(process.memory_info().rss for process in (root, *root.children(recursive=True)))
                self.bytes = max(self.bytes, seen, _high_water(self.pid))
            except (psutil.Error, OSError):
                continue


def _high_water(pid: int) -> int:
    """The most memory a process had since its program began; `wait4` includes our own before that."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


@dataclass(frozen=True)
class Spread:
    """Several rounds of one measurement: the median, the least and the most."""

    median: float
    least: float
    most: float
    rounds: int


def spread(values: Sequence[float]) -> Spread:
    """The median of some values, and how far they lie apart."""
    return Spread(statistics.median(values), min(values), max(values), len(values))
