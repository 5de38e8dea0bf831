"""The cases of the benchmark: imports beside other loaders, and the list of all cases by name."""

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from tests.bench.answer_cases import answering
from tests.bench.contenders import (
    Contender,
    dlt_loader,
    expected_of,
    make_copied,
    our_import,
    plain_copy,
    sling_loader,
)
from tests.bench.databases import Bench
from tests.bench.exports import FIRST_AT, SPAN, Export, ExportOrder
from tests.bench.report import Chapter, Target, faster, time_ratio
from tests.bench.rollup_cases import rolling_up
from tests.bench.rounds import measure

OURS: Final = "usage-import"
KEYED: Final = "\\copy, unique key"
BARE: Final = "\\copy, no index"
LATER: Final = timedelta(days=18)
DICTS_ROWS: Final = 200_000
"""The loaders that take dicts row by row get no more; their speed is in rows a second."""


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
        make_copied(server, copied, is_keyed=True, existing=base.cleaned)
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
    """Import the same events again, in a file of other bytes: nothing but duplicates."""
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


CASES: Final[dict[str, Callable[[Bench], Chapter]]] = {
    "import": importing,
    "grown": growing,
    "again": repeating,
    "formats": formats,
    "sizes": sizes,
    "rollup": rolling_up,
    "answers": answering,
}
