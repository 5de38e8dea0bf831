"""Tables fit the terminal that they are printed on, and never show a part of a number, a day or an id as another one."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rich.cells import cell_len

from flows.output.table import print_csv, print_json, print_json_list, print_table

PERIOD = "2026-01-01 – 2026-02-01"
COLUMNS = {name: name for name in ("contract", "customer", "meter", "period", "quantity", "zeros")}
ROW = {
    "contract": "5b1c0d2e-7a64-4c8e-9f0b-2d1e6a3c4f01",
    "customer": "a-long-name-of-a-customer-in-the-north",
    "meter": "egress_gigabytes",
    "period": PERIOD,
    "quantity": 9007199254740993,
    "zeros": 0,
}

Show = Callable[..., tuple[list[str], str]]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Show:
    """Print a table of rows on a terminal of a width; return its lines, and what stands on standard error."""

    def shown(width: int, *rows: dict[str, Any], is_wide: bool = False) -> tuple[list[str], str]:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(width))
        print_table(
            COLUMNS,
            rows,
            right=("quantity", "zeros"),
            whole=("period", "contract"),
            give_way=("contract", "zeros"),
            is_wide=is_wide,
        )
        out, err = capsys.readouterr()
        return re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines(), err

    return shown


@pytest.mark.parametrize("width", [71, 80, 100, 140])
def test_a_table_is_no_wider_than_its_terminal(show: Show, width: int) -> None:
    """Each line of the table is one line of the terminal, with its numbers, days and ids whole."""
    lines, _ = show(width, ROW)
    assert len(lines) == 2
    assert all(cell_len(line) <= width for line in lines)
    assert PERIOD in lines[1]
    assert "9007199254740993" in lines[1]
    assert "5b1c0d2e" not in lines[1] or str(ROW["contract"]) in lines[1]


@pytest.mark.parametrize("width", [20, 40])
def test_a_number_is_never_cut(show: Show, width: int) -> None:
    """Where there is no room at all, lines go beyond the edge: half a number reads as another one."""
    lines, _ = show(width, ROW)
    assert PERIOD in lines[1]
    assert "9007199254740993" in lines[1]


def test_long_texts_are_cut_in_the_middle(show: Show) -> None:
    """A cut text keeps its beginning and its end, in which names differ."""
    lines, _ = show(80, ROW)
    assert re.match(r"a-long-\S*…\S+-north", lines[1])


def test_columns_give_way_by_importance(show: Show) -> None:
    """Columns with nothing but zeros are left out first, then those of the least importance; each is named."""
    assert show(200, ROW)[1] == ""
    assert "left out, as the terminal is too narrow: zeros; --wide" in show(106, ROW)[1]
    lines, err = show(80, ROW)
    assert lines[0].split() == ["customer", "meter", "period", "quantity"]
    assert "left out, as the terminal is too narrow: contract, zeros; --wide shows them" in err


def test_a_wide_table_shows_everything(show: Show) -> None:
    """Asked for a wide table, every column comes in full, however narrow the terminal."""
    lines, err = show(60, ROW, is_wide=True)
    assert all(str(value) in lines[1] for value in ROW.values())
    assert err == ""


def test_a_later_number_is_whole_too(show: Show) -> None:
    """The widths are those of the first lines; a longer number further down is printed in full."""
    later = ROW | {"quantity": 10**30 + 7}
    lines, _ = show(80, *[ROW] * 1_000, later)
    assert str(10**30 + 7) in lines[-1]


def test_double_width_letters_keep_the_columns_straight(show: Show) -> None:
    """Letters that take two cells are cut and padded by cells."""
    lines, _ = show(80, ROW | {"customer": "東京" * 30}, ROW)
    assert [cell_len(line.split(PERIOD)[0]) for line in lines[1:]] == [
        cell_len(lines[0].split("period")[0])
    ] * 2


def test_lines_come_as_they_are_read(show: Show, capsys: pytest.CaptureFixture[str]) -> None:
    """A long table holds a few hundred lines in memory: the first ones are printed before the last are read."""
    printed = []

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(3_000):
            if number == 2_000:
                printed.append(capsys.readouterr().out)
            yield ROW

    print_table(COLUMNS, rows())
    assert printed[0].count(PERIOD) >= 1_000


def test_a_long_table_is_quick(show: Show) -> None:
    """Twenty thousand lines take about a second, so that the terminal is what one waits for."""
    began = time.perf_counter()
    lines, _ = show(140, *[ROW] * 20_000)
    assert len(lines) == 20_001
    assert time.perf_counter() - began < 5


def test_a_terminal_obeys_no_cell_of_a_csv(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Characters that steer a terminal are spelt out on one, and exact in a file or a pipe."""
    rows = [{"uri": "a\x1b]0;owned\x07\u202e.jsonl"}]
    print_csv(["uri"], rows)
    assert capsys.readouterr().out == f"uri\n{rows[0]['uri']}\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_csv(["uri"], rows)
    assert capsys.readouterr().out == "uri\na\\x1b]0;owned\\x07\\u202e.jsonl\n"


def test_a_terminal_obeys_no_text_of_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal, characters that steer it are escaped, which leaves the document the same; a file has them as they are."""
    document = [{"uri": "a\x9b31m\u202e\U000e0041 Zürich 東京.jsonl"}]
    print_json(document)
    assert "\u202e" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_json(document)
    print_json_list([document])
    shown = capsys.readouterr().out
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert shown.count("Zürich 東京") == 2
    assert json.loads(shown[: len(shown) // 2]) == document
