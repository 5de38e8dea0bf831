"""Print tables, CSV and JSON that no hostile text can command."""

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from flows.output.instants import plain, to_json

WIDEST: Final = 1_000_000
"""So wide is what is no terminal: there a row is a line."""

WHOLE: Final = frozenset({"timestamp", "period", "first_day", "last_day", "started_at"})

LEAST_TEXT: Final = 8
"""So wide a column of text stays, however narrow the terminal."""

COLUMN_GAP: Final = 2

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def visible(text: str) -> str:
    """A text with its control characters and line ends spelt out, so that no terminal obeys it."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(to_json(value, indent=2) + "\n")


def print_json_list(batches: Iterable[Sequence[Any]]) -> None:
    """One JSON array of all that is in the batches on standard output, written as they come."""
    before, after = "[\n", "[]\n"
    for batch in batches:
        if batch:
            sys.stdout.write(before + to_json(batch, indent=2).removeprefix("[\n").removesuffix("\n]"))
            before, after = ",\n", "\n]\n"
    sys.stdout.write(after)


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """CSV on standard output, its lines ended by a line feed, written as the rows come."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([plain(row[name]) for name in columns] for row in rows)


def harmless_cell(text: str) -> str:
    """A cell for a spreadsheet: what it would take for a formula is quoted."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def print_table(
    columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]], *, right: Sequence[str] = ()
) -> None:
    """A table on standard output; `columns` says which keys stand under which headings, those of `right` to the right.

    Numbers, which stand to the right, and days are never folded: half a number reads as another one. Where a terminal is too
    narrow for that, the lines go beyond its edge.
    """
    shown = [[visible(plain(row[key])) for key in columns] for row in rows]
    table = Table(box=None, header_style="bold", pad_edge=False, show_header=any(columns.values()))
    least = -COLUMN_GAP
    for place, (key, heading) in enumerate(columns.items()):
        is_whole = key in right or key in WHOLE
        justify: JustifyMethod = "right" if key in right else "left"
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=is_whole)
        widest = max(map(cell_len, [heading, *(cells[place] for cells in shown)]))
        least += COLUMN_GAP + (widest if is_whole else min(widest, LEAST_TEXT))
    for cells in shown:
        table.add_row(*map(Text, cells))
    screen = console(sys.stdout)
    screen.width = max(screen.width, least)
    screen.print(table)


def console(stream: Any) -> Console:
    """A console on a stream; as wide as it takes where that is no terminal, so that a row is a line."""
    width = None if stream.isatty() else WIDEST
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=width)


def say(text: str) -> None:
    """A line for people, on standard error."""
    sys.stderr.write(visible(text) + "\n")
