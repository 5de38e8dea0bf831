"""Print tables, CSV, JSON and messages; no text of a user can control the terminal or a spreadsheet."""

import csv
import json
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from flows.output.instants import plain, to_json
from transforms.values.text import visible

WIDEST: Final = 1_000_000
"""The width of an output that is no terminal: every column has room there."""

LEAST_TEXT: Final = 10
"""The least width of a column of text; where there is less room, columns are left out."""

COLUMN_GAP: Final = 2

LINES_TOGETHER: Final = 500
"""Lines of a table in memory at a time. Widths hold from one part to the next, and grow where a later line needs it."""

TABLE_LINES: Final = 300
"""Lines that a table shows of many, unless all are asked for."""

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""The characters with which a formula of a spreadsheet can begin."""

UNUSUAL: Final = re.compile(r"[^\n -~]")
"""Characters that may be none that can be printed."""

PLAIN_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class TableForm:
    """The columns of a table, and the way in which it is fitted into a narrow terminal."""

    columns: Mapping[str, str]
    """The heading of each key of a line."""
    right: Collection[str] = ()
    """The keys of numbers, which are aligned to the right and never cut."""
    whole: Collection[str] = ()
    """The keys of days, instants and ids, which are never cut either."""
    give_way: Sequence[str] = ()
    """The keys of columns that may be left out, the least important first."""


def print_json(value: Any) -> None:
    """Print one JSON document."""
    _write_json(to_json(value, indent=2) + "\n")


def print_json_list(batches: Iterable[Sequence[Any]]) -> None:
    """Print all items of the batches as one JSON array, each batch as soon as it comes."""
    before, after = "[\n", "[]\n"
    for batch in batches:
        if batch:
            _write_json(before + to_json(batch, indent=2).removeprefix("[\n").removesuffix("\n]"))
            before, after = ",\n", "\n]\n"
    sys.stdout.write(after)


def _write_json(text: str) -> None:
    """Write JSON; on a terminal, characters that it could obey are escaped, which means the same."""
    is_shown = sys.stdout.isatty() and not text.isprintable()
    sys.stdout.write(UNUSUAL.sub(_json_escape, text) if is_shown else text)


def _json_escape(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def print_csv(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, is_spreadsheet: bool = False
) -> None:
    """Print CSV with line feeds, each row as soon as it comes, and say how many cells a spreadsheet would compute.

    Cells are exact, but that a terminal gets no character that it would obey. is_spreadsheet: write cells that are safe
    to open: an apostrophe before formulas, control characters spelt out.
    """
    is_shown = is_spreadsheet or sys.stdout.isatty()
    formulas = 0

    def cell(value: Any) -> str:
        nonlocal formulas
        text = visible(plain(value)) if is_shown else plain(value)
        if (
            not isinstance(value, str)
            or not value.startswith(FORMULA_STARTS)
            or PLAIN_NUMBER.fullmatch(value)
        ):
            return text
        formulas += 1
        return f"'{text}" if is_spreadsheet else text

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell(row[name]) for name in columns] for row in rows)
    if formulas and not is_spreadsheet:
        sys.stdout.flush()
        say(
            f"a spreadsheet would compute {formulas:,} of these cells as formulas; --spreadsheet writes them as texts"
        )


def print_table(
    columns: Mapping[str, str],
    rows: Iterable[Mapping[str, Any]],
    *,
    right: Collection[str] = (),
    whole: Collection[str] = (),
    give_way: Sequence[str] = (),
    is_wide: bool = False,
) -> None:
    """Print a table, each part of its lines as soon as it comes; ``TableForm`` explains the columns.

    In a narrow terminal texts are cut in the middle, and columns are left out and named. Numbers, days and ids are never
    cut or folded: a part of one reads as another.
    is_wide: print every column in full, even if lines go beyond the edge of the terminal.
    """
    form = TableForm(columns, right, whole, give_way)
    screen = console(sys.stdout)
    room = WIDEST if is_wide else screen.width
    natural = {key: cell_len(heading) for key, heading in columns.items()}
    widths: dict[str, int] | None = None
    for part in _parts(columns, rows):
        natural = {key: max(natural[key], *(cell_len(line[key]) for line in part)) for key in natural}
        if widths is None:
            widths = fit(form, natural, room=room, filled=_filled(part))
            form = replace(form, columns={key: columns[key] for key in widths}, give_way=())
            _print_heading(form, widths, screen)
        natural = {key: natural[key] for key in widths}
        widths = fit(form, natural, room=room)
        sys.stdout.writelines(_line(form, line, widths) + "\n" for line in part)
    if widths is None:
        _print_heading(form, natural, screen)
    sys.stdout.flush()
    left_out = [heading for key, heading in columns.items() if key not in form.columns]
    if left_out:
        say(f"left out, as the terminal is too narrow: {', '.join(left_out)}; --wide shows them")


def fit(
    form: TableForm, natural: Mapping[str, int], *, room: int, filled: Collection[str] = ()
) -> dict[str, int]:
    """Return the width of each column that there is room for.

    natural: the width that shows a column in full. filled: the columns in which a line says more than 0; the others are
    left out before them.
    """
    texts = natural.keys() - {*form.right, *form.whole}
    least = {key: min(width, LEAST_TEXT) if key in texts else width for key, width in natural.items()}
    shown = {key: min(width, room) if key in texts else width for key, width in natural.items()}
    for key in sorted(form.give_way, key=lambda key: key in filled):
        if _width([least[each] for each in shown]) <= room:
            break
        del shown[key]
    while (over := _width(shown.values()) - room) > 0:
        longest = max(texts & shown.keys(), key=lambda key: shown[key], default=None)
        if longest is None or shown[longest] <= LEAST_TEXT:
            break
        others = [shown[key] for key in texts & shown.keys() if key != longest]
        shown[longest] = max(
            LEAST_TEXT, shown[longest] - over, min(shown[longest] - 1, max(others, default=0))
        )
    return shown


def _parts(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[list[dict[str, str]]]:
    """Yield the lines of a table as texts, some at a time."""
    lines = ({key: visible(plain(row[key])) for key in columns} for row in rows)
    while part := list(islice(lines, LINES_TOGETHER)):
        yield part


def _filled(lines: Sequence[Mapping[str, str]]) -> set[str]:
    return {key for key in lines[0] if any(line[key] not in {"", "0"} for line in lines)}


def _width(widths: Collection[int]) -> int:
    return sum(widths) + COLUMN_GAP * (len(widths) - 1)


def _print_heading(form: TableForm, widths: Mapping[str, int], screen: Console) -> None:
    """Print the headings of a table, if it has any."""
    if any(form.columns.values()):
        screen.print(Text(_line(form, form.columns, widths), style="bold"), soft_wrap=True)


def _line(form: TableForm, cells: Mapping[str, str], widths: Mapping[str, int]) -> str:
    """Return a line of a table, its cells as wide as their columns."""
    fitted = (_cell(cells[key], width, is_right=key in form.right) for key, width in widths.items())
    return (" " * COLUMN_GAP).join(fitted).rstrip()


def _cell(text: str, width: int, *, is_right: bool) -> str:
    """Return a text that is as wide as its column, cut in the middle if it is too long."""
    if cell_len(text) > width:
        before = width // 2
        text = f"{set_cell_size(text, before)}…{set_cell_size(text[::-1], width - 1 - before)[::-1]}"
    return " " * (width - cell_len(text)) + text if is_right else set_cell_size(text, width)


def console(stream: Any) -> Console:
    """Return a console on a stream; if that is no terminal, it is wide enough to print each row on one line."""
    width = None if stream.isatty() else WIDEST
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=width)


def say_how_many(total: int, things: str) -> None:
    """Print how many things there are if a table shows only the first ``TABLE_LINES`` of them."""
    if total > TABLE_LINES:
        say(f"these are the first {TABLE_LINES:,} of {total:,} {things}; --all prints every one")


def say(text: str) -> None:
    """Print a message for people on standard error."""
    sys.stderr.write(visible(text) + "\n")
