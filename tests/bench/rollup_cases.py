"""Measure a rollup from scratch and the publish of a night's import."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from flows.database.embedded.installation import URL_VARIABLE
from flows.database.embedded.programs import bin_dir
from tests.bench.contenders import Contender, expected_of, lines_complaint, our_import, ours_on
from tests.bench.databases import Bench
from tests.bench.exports import CLOCK, FIRST_AT, SPAN, Export, ExportOrder
from tests.bench.meters import bench_meters
from tests.bench.report import Chapter, Target, time_ratio
from tests.bench.rounds import measure
from tests.bench.servers import Server
from tests.bench.timing import Command, Timed

FORGET_ROLLUP: Final = "truncate usage_lines, folded_usage, folded_matches, rollup_state"
BARE_GROUP_BY: Final = """
    create table grouped as
    select customer_no, date_trunc('month', at at time zone 'UTC') as month, properties->>'model' as model,
           sum((properties->>'tokens')::numeric) as quantity, count(*) as events
    from events where event_name = 'llm_tokens' group by 1, 2, 3
"""


def rolling_up(bench: Bench) -> Chapter:
    """All lines of all events from scratch, beside a bare ``GROUP BY`` of one meter; then a night's."""
    export = bench.export(ExportOrder(bench.rows))
    server = bench.embedded
    loaded = bench.loaded(server, export)
    counts = (1, 10, 50)
    contenders = [
        Contender("bare GROUP BY", bench.rows, copied(loaded), _group_by, lambda *_: None),
        *(_rollup(bench, export, loaded, count) for count in counts),
        *_nightlies(bench),
    ]
    stages: dict[str, float] = {}
    results = measure(contenders, [server], rounds=bench.rounds, after=_stages_into(bench, stages))
    server.drop_database(loaded)
    for scratched in list(
        server.rows("postgres", "select datname from pg_database where datname like 'bench_loaded%'")
    ):
        server.drop_database(scratched[0])
    bare = "bare GROUP BY"
    targets = [
        Target("time of rollup, 10 meters : bare GROUP BY", time_ratio(results, "rollup, 10 meters", bare), most=3),
        Target("time of rollup, 50 meters : bare GROUP BY", time_ratio(results, "rollup, 50 meters", bare), most=8),
    ]  # fmt: skip
    whole = stages.get("rollup, 3 meters")
    targets += [
        Target(f"publish of {name} : from scratch", stages[name] / whole if whole and name in stages else None, most=0.03)
        for name in ("a night's day", "a night's day, shuffled over the year")
    ]  # fmt: skip
    notes = [
        f"seconds inside the publishing stage: {json.dumps({k: round(v, 3) for k, v in stages.items()})}"
    ]
    return Chapter("Rollup", results, bare, targets, notes)


def copied(template: str) -> Callable[[Server, str], None]:
    return lambda server, database: server.copy_database(template, database)


def _group_by(server: Server, database: str) -> Command:
    words = ("--no-psqlrc", "--quiet", "--command", BARE_GROUP_BY, server.url(database))
    return Command((str(bin_dir() / "psql"), *words))


def _rollup(bench: Bench, export: Export, loaded: str, count: int) -> Contender:
    totals = export.truth.totals(bench_meters(count))

    def prepare(server: Server, database: str) -> None:
        server.copy_database(loaded, database)
        server.rows(database, FORGET_ROLLUP)
        ours_on(server, database, "catalog", str(bench.catalog(count)), "--clock", CLOCK)

    def command(server: Server, database: str) -> Command:
        return _staged(bench, server, database, "rollup", "--clock", CLOCK)

    def check(server: Server, database: str, run: Timed) -> str | None:
        del run
        return lines_complaint(server, database, totals)

    return Contender(f"rollup, {count} meter{'s' if count > 1 else ''}", bench.rows, prepare, command, check)


def _staged(bench: Bench, server: Server, database: str, *words: str) -> Command:
    script = (sys.executable, "-m", "tests.bench.staged", *words)
    return Command(
        script, {URL_VARIABLE: server.url(database), "BENCH_STAGES": str(bench.folder / "stages.json")}
    )


def _stages_into(bench: Bench, stages: dict[str, float]) -> Callable[[Server, str, Contender], None]:
    def after(server: Server, database: str, contender: Contender) -> None:
        del server, database
        stages_file = bench.folder / "stages.json"
        if stages_file.exists():
            seconds = json.loads(stages_file.read_text()).get("publish")
            if seconds is not None:
                stages[contender.name] = min(seconds, stages.get(contender.name, seconds))
            stages_file.unlink()

    return after


def _nightlies(bench: Bench) -> list[Contender]:
    """A day's events onto 364 days, in the order of time; as many shuffled over the year; and all from scratch."""
    day = timedelta(days=1)
    year = bench.export(ExportOrder(bench.rows * 364 // 365, seed=4, span=SPAN - day))
    last = bench.export(
        ExportOrder(max(bench.rows // 365, 1), seed=5, first_at=FIRST_AT + SPAN - day, span=day)
    )
    mixed = bench.export(ExportOrder(max(bench.rows // 365, 1), seed=6, is_shuffled=True))
    loaded = bench.loaded(bench.embedded, year)
    contenders = [replace(_rollup(bench, year, loaded, 3), name="rollup, 3 meters")]
    for name, export in (("a night's day", last), ("a night's day, shuffled over the year", mixed)):
        expected = expected_of(export.truth, bench.usual, base=year.truth)
        whole = our_import(name, export.source(), expected, template=loaded)
        contenders.append(replace(whole, command=_staged_run(bench, export)))
    return contenders


def _staged_run(bench: Bench, export: Export) -> Callable[[Server, str], Command]:
    def command(server: Server, database: str) -> Command:
        return _staged(bench, server, database, "run", str(export.source()), "--clock", CLOCK, "--json")

    return command
