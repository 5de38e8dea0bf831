"""``python -m tests.bench``: measure, and print the table of ratios."""

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import psutil

from tests.bench.cases import CASES
from tests.bench.databases import Bench
from tests.bench.report import Chapter, chapter_lines, target_lines
from tests.bench.servers import Server, server

HOW_MEASURED = (
    "every figure is the wall time from start to exit of one command, the median of {rounds} rounds with the contenders in turn; "
    "speeds are rows of the export a second; a contender whose totals are wrong has no time; "
    "CPU is client's and server's together"
)
PRINTED_DDL = "select indexdef from pg_indexes where tablename = 'events' order by 1"
PRINTED_COLUMNS = """
    select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum)
    from pg_attribute where attrelid = 'events'::regclass and attnum > 0 and not attisdropped
"""


def main() -> None:
    """Measure the cases that are named and print the results."""
    # A run that is ended from outside would leave its servers behind, and the next one in the folder would wait for them.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = arguments()
    loaders = Path(options.loaders).absolute() if options.loaders else None
    if loaders is not None and not loaders.exists():
        sys.exit(
            f"bench: {loaders} is not there; 'make bench' builds it, --loaders '' goes without other loaders"
        )
    with ExitStack() as resources:
        folder = (
            Path(options.folder) if options.folder else Path(tempfile.mkdtemp(prefix="usage-import-bench-"))
        )
        folder.mkdir(parents=True, exist_ok=True)
        if not options.folder:
            folder.chmod(0o755)
            resources.callback(shutil.rmtree, folder, ignore_errors=True)
        names = ("embedded",) if options.no_stock else ("embedded", "stock")
        servers = [resources.enter_context(server(folder / name, is_stock=name == "stock")) for name in names]
        bench = Bench(
            folder=folder,
            rows=options.rows,
            base_rows=options.base_rows,
            sizes=tuple(options.sizes),
            rounds=options.rounds,
            servers=servers,
            loaders=loaders,
        )
        for line in heading(bench, servers):
            print(line)
        chapters = []
        for name in options.cases:
            chapters.append(CASES[name](bench))
            print("\n".join(chapter_lines(chapters[-1])), flush=True)
        print("\n".join(target_lines([target for chapter in chapters for target in chapter.targets])))
        if options.json:
            Path(options.json).write_text(json.dumps(as_document(chapters), indent=1))


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all, if none is named"
    )
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="of the export imported into an empty database"
    )
    parser.add_argument(
        "--base-rows",
        type=int,
        default=2_000_000,
        help="rows that the database already has in the cases grown and answers",
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[250_000, 1_000_000], help="of the case sizes"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--loaders", default=".venv-bench/bin/python", help="the Python that has the other loaders"
    )
    parser.add_argument("--folder", help="where exports and databases are kept for another run")
    parser.add_argument("--no-stock", action="store_true", help="only the server with our settings")
    parser.add_argument("--json", help="all rounds, for machines")
    options = parser.parse_args()
    options.cases = options.cases or list(CASES)
    if unknown := [name for name in options.cases if name not in CASES]:
        parser.error(f"unknown case {unknown[0]!r}; there is {', '.join(CASES)}")
    return options


def heading(bench: Bench, servers: Sequence[Server]) -> list[str]:
    """The machine, the versions, the servers' settings and the tables."""
    memory = psutil.virtual_memory().total / 2**30
    ready = bench.ready(bench.embedded)
    machine = (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.platform()}, Python {platform.python_version()}, "
        f"polars {version('polars')}; load before: {os.getloadavg()[0]:.1f}"
    )
    lines = ["# Benchmark of usage-import", f"\n{machine}", f"\n{HOW_MEASURED.format(rounds=bench.rounds)}"]
    for running in servers:
        settings = ", ".join(f"{name}={value}" for name, value in running.settings().items())
        lines.append(f"\n{running.name}: {settings}")
    lines.append(f"\nevents: {bench.embedded.rows(ready, PRINTED_COLUMNS)[0][0]}")
    lines += [f"  {row[0]}" for row in bench.embedded.rows(ready, PRINTED_DDL)]
    lines.append("\ncopied: the same columns; unique index on (key), or none")
    return lines


def as_document(chapters: Sequence[Chapter]) -> list[dict[str, object]]:
    """All rounds of all cases, as plain values."""
    return [
        {
            "title": chapter.title,
            "results": [
                asdict(result) | {"runs": [asdict(run) | {"output": None} for run in result.runs]}
                for result in chapter.results
            ],
            "targets": [asdict(target) | {"is_met": target.is_met} for target in chapter.targets],
        }
        for chapter in chapters
    ]


if __name__ == "__main__":
    main()
