"""Rounds: every contender in turn on every server, again and again, so that a busy minute hits them all."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.bench.contenders import Contender
from tests.bench.servers import Server
from tests.bench.timing import CommandFailedError, Spread, Timed, spread, timed


@dataclass
class Result:
    """All rounds of one contender on one server; where it was wrong or failed once, it has no time."""

    contender: str
    server: str
    rows: int
    runs: list[Timed] = field(default_factory=list)
    complaint: str | None = None

    @property
    def seconds(self) -> Spread | None:
        """Wall time from start to exit."""
        return None if self.complaint or not self.runs else spread([run.seconds for run in self.runs])

    @property
    def speed(self) -> float | None:
        """Rows of the export a second, in the median round."""
        return None if self.seconds is None else self.rows / self.seconds.median

    @property
    def cpu(self) -> float | None:
        """Processor seconds of client and server, in the median round."""
        if self.seconds is None:
            return None
        return spread([run.client_cpu + run.server_cpu for run in self.runs]).median

    @property
    def peak_bytes(self) -> int:
        """The most memory of the client's processes in any round."""
        return max((run.peak_bytes for run in self.runs), default=0)


def measure(
    contenders: Sequence[Contender],
    servers: Sequence[Server],
    *,
    rounds: int,
    after: Callable[[Server, str, Contender], None] | None = None,
) -> list[Result]:
    """Time the contenders; `after` is called with each database before it is dropped."""
    results = {
        (contender.name, server.name): Result(contender.name, server.name, contender.rows)
        for server in servers
        for contender in contenders
    }
    for turn in range(rounds):
        for server in servers:
            for contender in contenders:
                result = results[contender.name, server.name]
                if result.complaint is None:
                    _run(contender, server, result, turn=turn, after=after)
    return list(results.values())


def _run(
    contender: Contender,
    server: Server,
    result: Result,
    *,
    turn: int,
    after: Callable[[Server, str, Contender], None] | None,
) -> None:
    database = "bench_contender"
    contender.prepare(server, database)
    server.come_to_rest()
    try:
        run = timed(contender.command(server, database), server)
        result.complaint = contender.check(server, database, run)
        result.runs.append(run)
        if after is not None:
            after(server, database, contender)
        figures = f"{run.seconds:.2f} s, {run.client_cpu + run.server_cpu:.2f} s of processors"
    except CommandFailedError as error:
        result.complaint = "failed: " + str(error).splitlines()[-1].replace("|", "/")
        figures = ""
    server.drop_database(database)
    sys.stderr.write(f"round {turn + 1}, {server.name}: {contender.name}: {result.complaint or figures}\n")
