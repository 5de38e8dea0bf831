"""Print tables, CSV, JSON and messages; no text of a user can control the terminal or a spreadsheet."""

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from flows.output.instants import plain, to_json
from transforms.values.text import visible

WIDEST: Final = 1_000_000
"""The width of an output that is no terminal, so that each row is one line."""

UNFOLDED: Final = frozenset({"timestamp", "period", "first_day", "last_day", "started_at"})
"""Columns of instants and days, which are never folded."""

LEAST_TEXT: Final = 8
"""The least width of a column of text, however narrow the terminal."""

COLUMN_GAP: Final = 2

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""The characters with which a formula of a spreadsheet can begin."""


def print_json(value: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(to_json(value, indent=2) + "\n")


def print_json_list(batches: Iterable[Sequence[Any]]) -> None:
    """Print all items of the batches as one JSON array, each batch as soon as it comes."""
    before, after = "[\n", "[]\n"
    for batch in batches:
        if batch:
            sys.stdout.write(before + to_json(batch, indent=2).removeprefix("[\n").removesuffix("\n]"))
            before, after = ",\n", "\n]\n"
    sys.stdout.write(after)


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print CSV with line feeds, each row as soon as it comes."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([plain(row[name]) for name in columns] for row in rows)


def harmless_cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def print_table(
    columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]], *, right: Sequence[str] = ()
) -> None:
    """Print a table.

    columns: the heading of each key of a row.
    right: the keys of numbers, which are aligned to the right.
    Numbers, instants and days are never folded: half a number would read as another number. If a terminal is too narrow for
    that, the lines go beyond its edge.
    """
    lines = [[visible(plain(row[key])) for key in columns] for row in rows]
    table = Table(box=None, header_style="bold", pad_edge=False, show_header=any(columns.values()))
    least = -COLUMN_GAP
    for place, (key, heading) in enumerate(columns.items()):
        is_unfolded = key in right or key in UNFOLDED
        justify: JustifyMethod = "right" if key in right else "left"
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=is_unfolded)
        widest = max(map(cell_len, [heading, *(cells[place] for cells in lines)]))
        least += COLUMN_GAP + (widest if is_unfolded else min(widest, LEAST_TEXT))
    for cells in lines:
        table.add_row(*map(Text, cells))
    screen = console(sys.stdout)
    screen.width = max(screen.width, least)
    screen.print(table)


def console(stream: Any) -> Console:
    """Return a console on a stream; if that is no terminal, it is wide enough to print each row on one line."""
    width = None if stream.isatty() else WIDEST
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=width)


def say(text: str) -> None:
    """Print a message for people on standard error."""
    sys.stderr.write(visible(text) + "\n")
