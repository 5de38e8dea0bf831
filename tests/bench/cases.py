"""The cases: what is measured beside what, and what is wanted of it."""

import json
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from flows.database.embedded.installation import URL_VARIABLE
from flows.database.embedded.programs import bin_dir
from tests.bench.contenders import (
    Contender,
    dlt_loader,
    expected_of,
    lines_complaint,
    make_copied,
    our_import,
    ours,
    ours_on,
    plain_copy,
    sling_loader,
)
from tests.bench.exports import CLOCK, FIRST_AT, SPAN, Export, ExportOrder, write_export
from tests.bench.meters import BenchMeter, bench_meters, write_catalog
from tests.bench.prefect_server import prefect_server
from tests.bench.report import Chapter, Target, faster, result_of, time_ratio
from tests.bench.rounds import measure
from tests.bench.servers import Server
from tests.bench.timing import Command, Timed

OURS: Final = "usage-import"
KEYED: Final = "\\copy, unique key"
BARE: Final = "\\copy, no index"
LATER: Final = timedelta(days=18)
DICTS_ROWS: Final = 200_000
"""The loaders that take dicts row by row are given no more: they are told in rows a second."""

FORGET_ROLLUP: Final = "truncate usage_lines, folded_usage, folded_matches, rollup_state"
BARE_GROUP_BY: Final = """
    create table grouped as
    select customer_no, date_trunc('month', at at time zone 'UTC') as month, properties->>'model' as model,
           sum((properties->>'tokens')::numeric) as quantity, count(*) as events
    from events where event_name = 'llm_tokens' group by 1, 2, 3
"""


@dataclass(frozen=True)
class Bench:
    """What a run of the benchmark is given: where it works, how big, how often, on which servers, with which loaders."""

    folder: Path
    rows: int
    base_rows: int
    sizes: tuple[int, ...]
    rounds: int
    servers: Sequence[Server]
    loaders: Path | None

    @property
    def usual(self) -> tuple[BenchMeter, ...]:
        """The meters that an import is measured with."""
        return bench_meters(3)

    @property
    def embedded(self) -> Server:
        """The server with our settings."""
        return self.servers[0]

    def export(self, order: ExportOrder) -> Export:
        """An export, made once."""
        folder = self.folder / "exports" / sha256(repr(order).encode()).hexdigest()[:12]
        kept = folder / "export.pickle"
        if not kept.exists():
            sys.stderr.write(f"making an export of {order.rows:,} rows\n")
            kept.write_bytes(pickle.dumps(write_export(order, folder)))
        export: Export = pickle.loads(kept.read_bytes())
        return export

    def catalog(self, meters: int) -> Path:
        """A folder with a catalog of so many meters."""
        folder = self.folder / f"catalog-{meters}"
        write_catalog(folder, meters=meters, customers=ExportOrder(0).customers)
        return folder

    def ready(self, server: Server) -> str:
        """A database with the schema and the usual catalog, and nothing else."""
        name = "bench_ready"
        server.copy_database("template0", name)
        ours_on(server, name, "catalog", str(self.catalog(3)), "--clock", CLOCK)
        return name

    def loaded(self, server: Server, export: Export) -> str:
        """A database that an export has been imported into."""
        name = f"bench_loaded_{export.order.rows}"
        server.copy_database(self.ready(server), name)
        ours_on(server, name, "run", str(export.source()), "--clock", CLOCK)
        server.rows(name, "vacuum analyze")
        return name


def importing(bench: Bench) -> Chapter:
    """The whole import of one file of JSON lines into an empty database, beside doing much less."""
    export = bench.export(ExportOrder(bench.rows, has_cleaned=True))
    few = bench.export(ExportOrder(min(bench.rows, DICTS_ROWS)))
    for server in bench.servers:
        template = bench.ready(server)
    contenders = [
        our_import(OURS, export.source(), expected_of(export.truth, bench.usual), template=template),
        plain_copy(KEYED, export, template=template),
        plain_copy(BARE, export, template=template, is_keyed=False),
        *_loaders(bench, export, few),
    ]
    results = measure(contenders, bench.servers, rounds=bench.rounds)
    notes = [
        f"{bench.rows:,} rows, {export.size() / 2**20:,.0f} MiB of JSON lines; `\\copy` is given {export.truth.new:,} cleaned rows in order.",
        f"dlt by dicts is given {few.order.rows:,} rows. dlt and Sling validate nothing; dlt's Arrow tables come without duplicates, which it would fail on.",
    ]
    targets = [
        faster("whole import : \\copy into the same keyed table", results, OURS, KEYED, least=2.0),
        faster("whole import : \\copy without an index", results, OURS, BARE, least=0.6),
    ]
    if bench.loaders is not None:
        targets += [
            faster("whole import : dlt, Arrow", results, OURS, "dlt, Arrow upsert", least=1.5),
            faster("whole import : dlt, default", results, OURS, "dlt, dicts merge", least=15),
        ]
    return Chapter("Whole import into an empty database", results, OURS, targets, notes)


def _loaders(bench: Bench, export: Export, few: Export) -> list[Contender]:
    if bench.loaders is None:
        return []
    scratch = Path(tempfile.mkdtemp(dir=bench.folder))
    found = [
        dlt_loader("dlt, Arrow upsert", export, python=bench.loaders, mode="arrow", scratch=scratch),
        dlt_loader("dlt, dicts merge", few, python=bench.loaders, mode="dicts", scratch=scratch),
    ]
    binaries = bench.loaders.parent.parent.glob("lib/python*/site-packages/sling_*/bin/sling-*")
    return found + [sling_loader("Sling, incremental", few, binary=binary) for binary in binaries]


def growing(bench: Bench) -> Chapter:
    """One import more into a database that holds many rows already: all over the same year, and of the weeks after it."""
    base = bench.export(ExportOrder(bench.base_rows, seed=2, has_cleaned=True))
    more = bench.export(ExportOrder(bench.rows // 5 or 1, seed=3, has_cleaned=True))
    later = bench.export(ExportOrder(bench.rows // 5 or 1, seed=8, first_at=FIRST_AT + SPAN, span=LATER))
    for server in bench.servers:
        loaded = bench.loaded(server, base)
        copied = "bench_copied"
        server.copy_database(bench.ready(server), copied)
        make_copied(server, copied, is_keyed=True, held=base.cleaned)
    expected = expected_of(more.truth, bench.usual, base=base.truth)
    contenders = [
        our_import(OURS, more.source(), expected, template=loaded),
        our_import(
            "usage-import, the weeks after",
            later.source(),
            expected_of(later.truth, bench.usual, base=base.truth),
            template=loaded,
        ),
        plain_copy(KEYED, more, template=copied, is_made=True),
    ]
    results = measure(contenders, bench.servers, rounds=bench.rounds)
    for server in bench.servers:
        server.drop_database(copied)
        server.drop_database(loaded)
    target = faster(
        f"{more.order.rows:,} into {base.order.rows:,} : \\copy into the same keyed table",
        results,
        OURS,
        KEYED,
        least=1.0,
    )
    title = f"{more.order.rows:,} rows more into {base.order.rows:,}"
    return Chapter(
        title, results, OURS, [target], ["Both span the same year, or the second the weeks after it."]
    )


def repeating(bench: Bench) -> Chapter:
    """The same events told again, in a file of other bytes: nothing but duplicates."""
    export = bench.export(ExportOrder(bench.rows, has_again=True))
    for server in bench.servers:
        ready = bench.ready(server)
        loaded = bench.loaded(server, export)
    again = expected_of(export.truth, bench.usual, base=export.truth, is_again=True)
    contenders = [
        our_import("first import", export.source(), expected_of(export.truth, bench.usual), template=ready),
        our_import("all duplicates", export.again or Path(), again, template=loaded),
    ]
    results = measure(contenders, bench.servers, rounds=bench.rounds)
    for server in bench.servers:
        server.drop_database(loaded)
    target = faster(
        "all-duplicate re-import : first import", results, "all duplicates", "first import", least=1.5
    )
    return Chapter("The same events again", results, "first import", [target])


def formats(bench: Bench) -> Chapter:
    """The same rows in every format."""
    kinds = ("jsonl", "csv", "parquet", "jsonl.gz", "jsonl.zst", "csv.gz", "csv.zst")
    export = bench.export(ExportOrder(bench.rows, formats=kinds))
    template = bench.ready(bench.embedded)
    expected = expected_of(export.truth, bench.usual)
    results = measure(
        [our_import(kind, export.source(kind), expected, template=template) for kind in kinds],
        [bench.embedded],
        rounds=bench.rounds,
    )
    targets = [
        faster("CSV : JSON lines", results, "csv", "jsonl", least=1.0),
        faster("Parquet : JSON lines", results, "parquet", "jsonl", least=1.0),
        *(
            Target(f"time of {kind} : plain", time_ratio(results, kind, kind.split(".")[0]), most=1.3)
            for kind in kinds
            if "." in kind
        ),
    ]
    return Chapter("Formats", results, "jsonl", targets)


def sizes(bench: Bench) -> Chapter:
    """Growing exports, from one file and from many: speed and peak memory."""
    template = bench.ready(bench.embedded)
    contenders = []
    for rows, files in [*((rows, 1) for rows in bench.sizes), (bench.sizes[-1], 50)]:
        export = bench.export(ExportOrder(rows, files=files))
        name = f"{rows:,} rows in {files} file{'s' if files > 1 else ''}"
        contenders.append(
            our_import(name, export.source(), expected_of(export.truth, bench.usual), template=template)
        )
    results = measure(contenders, [bench.embedded], rounds=min(bench.rounds, 2))
    first, last = contenders[1 if len(bench.sizes) > 2 else 0].name, contenders[-2].name
    targets = [
        faster(f"rows/s of {last} : {first}", results, last, first, least=0.85),
        *(Target(f"peak MiB of {one.contender}", one.peak_bytes / 2**20, most=700) for one in results),
    ]
    return Chapter("Sizes", results, first, targets)


def rolling_up(bench: Bench) -> Chapter:
    """All lines of all events from scratch, beside a bare ``GROUP BY`` of one meter; then a night's."""
    export = bench.export(ExportOrder(bench.rows))
    server = bench.embedded
    loaded = bench.loaded(server, export)
    counts = (1, 10, 50)
    contenders = [
        Contender("bare GROUP BY", bench.rows, _copied(loaded), _group_by, lambda *_: None),
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


def _copied(template: str) -> Callable[[Server, str], None]:
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
        told = bench.folder / "stages.json"
        if told.exists():
            seconds = json.loads(told.read_text()).get("publish")
            if seconds is not None:
                stages[contender.name] = min(seconds, stages.get(contender.name, seconds))
            told.unlink()

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


def answering(bench: Bench) -> Chapter:
    """What a person waits for: lines, one event by its key, ten rows imported beside an empty Prefect flow."""
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
        Contender("run of 10 rows", 10, _copied(ready), _run_of(ten), lambda *_: None),
    ]  # fmt: skip
    with prefect_server(bench.folder) as api:
        contenders += [
            Contender(
                "run of 10 rows through Prefect", 10, _copied(ready), _run_of(ten, api), lambda *_: None
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
        told = {URL_VARIABLE: server.url(database)} | dict(api or {})
        return Command(ours("run", str(export.source()), "--clock", CLOCK), told)

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


CASES: Final[dict[str, Callable[[Bench], Chapter]]] = {
    "import": importing,
    "grown": growing,
    "again": repeating,
    "formats": formats,
    "sizes": sizes,
    "rollup": rolling_up,
    "answers": answering,
}
