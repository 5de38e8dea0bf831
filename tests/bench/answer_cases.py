"""Measure how long a person waits: for usage lines, for one event, and for an import of ten rows."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from flows.database.embedded.installation import URL_VARIABLE
from tests.bench.contenders import Contender, ours
from tests.bench.databases import Bench
from tests.bench.exports import CLOCK, Export, ExportOrder
from tests.bench.prefect_server import prefect_server
from tests.bench.report import Chapter, Target, result_of, time_ratio
from tests.bench.rollup_cases import copied
from tests.bench.rounds import measure
from tests.bench.servers import Server
from tests.bench.timing import Command


def answering(bench: Bench) -> Chapter:
    """Measure usage lines, one event by its key, and an import of ten rows beside an empty Prefect flow."""
    base = bench.export(ExportOrder(bench.base_rows, seed=2, has_cleaned=True))
    server = bench.embedded
    loaded = bench.loaded(server, base)
    ten = bench.export(ExportOrder(10, seed=7))
    key = server.rows(loaded, "select key from events offset 1000 limit 1")[0][0]

    def prepared(server: Server, database: str) -> None:
        del server, database

    def asking(*words: str) -> Callable[[Server, str], Command]:
        return lambda server, _: Command(ours(*words), {URL_VARIABLE: server.url(loaded)})

    ready = bench.ready(server)
    contenders = [
        Contender("usage, one month of a customer", 1, prepared, asking("usage", "--period", "2025-06", "--customer", "c7"), lambda *_: None),
        Contender("usage, all lines as CSV", 1, prepared, asking("usage", "--format", "csv"), lambda *_: None),
        Contender("run of 10 rows", 10, copied(ready), _run_of(ten), lambda *_: None),
    ]  # fmt: skip
    with prefect_server(bench.folder) as api:
        contenders += [
            Contender(
                "run of 10 rows through Prefect", 10, copied(ready), _run_of(ten, api), lambda *_: None
            ),
            Contender("empty Prefect flow", 10, prepared, _empty_flow(api), lambda *_: None),
        ]
        results = measure(contenders, [server], rounds=max(bench.rounds, 3))
    line = server.rows(loaded, A_LINE)[0][0]
    by_key = _seconds_of_lookup(server, loaded, BY_KEY, key)
    behind_a_line = _seconds_of_lookup(server, loaded, BEHIND_A_LINE, line)
    server.drop_database(loaded)
    usage = result_of(results, "usage, one month of a customer", server.name).seconds
    targets = [
        Target("seconds of a warm usage", usage.median if usage else None, most=1),
        Target("milliseconds of one event by its key, in the database", by_key * 1000, most=50),
        Target("milliseconds of the events behind one line, in the database", behind_a_line * 1000),
        Target("time of a run of 10 rows through Prefect : an empty flow", time_ratio(results, "run of 10 rows through Prefect", "empty Prefect flow"), most=1.5),
    ]  # fmt: skip
    return Chapter(f"Answers, at {base.order.rows:,} events", results, "run of 10 rows", targets)


def _run_of(export: Export, api: Mapping[str, str] | None = None) -> Callable[[Server, str], Command]:
    def command(server: Server, database: str) -> Command:
        environment = {URL_VARIABLE: server.url(database)} | dict(api or {})
        return Command(ours("run", str(export.source()), "--clock", CLOCK), environment)

    return command


def _empty_flow(api: Mapping[str, str]) -> Callable[[Server, str], Command]:
    flow = "from prefect import flow\nflow(lambda: None, name='empty')()"
    return lambda _, __: Command((sys.executable, "-c", flow), api)


BY_KEY: Final = "select * from events where key = %s"
BEHIND_A_LINE: Final = """
    select e.* from events e join usage_lines l on l.customer_no = e.customer_no
        and e.at >= l.period_start and e.at < l.period_end
    where l.line_id = %s and e.event_name = 'api_request'
"""
A_LINE: Final = """
    select l.line_id from usage_lines l join meters m using (meter_no) join customers c on c.customer_no = l.customer_no
    where m.code = 'requests' and c.id = 'c7' and l.period_start_on = date '2025-06-01'
"""


def _seconds_of_lookup(server: Server, database: str, statement: str, value: Any) -> float:
    with server.connect(database) as connection:
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            connection.execute(statement.encode(), [value]).fetchall()
            seconds.append(time.perf_counter() - started)
    return sorted(seconds)[2]
