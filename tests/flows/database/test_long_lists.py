"""Long lists: the first lines of many with their number, and of many files those that matter first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from flows.output.table import TABLE_LINES
from flows.usage import read_lines
from flows.usage.read_lines import UsageFilter
from tests.flows.desk import CALLS, CLOCK, Desk, catalog_of, event, meter
from tests.flows.small_installation import INSTANTS, SmallInstallation, small_installation

LINES = TABLE_LINES + 10
FILES = 24


@pytest.fixture
def small(database_url: str, tmp_path: Path) -> Iterator[SmallInstallation]:
    """An installation of the test's own."""
    with small_installation(database_url, tmp_path) as installation:
        yield installation


def test_a_long_table_says_how_many_lines_there_are(desk: Desk) -> None:
    """The first lines are printed and all are counted; --all prints each; other formats are always whole."""
    desk.catalog(catalog_of(meter("by-place", groupKeys=["place"])))
    desk.run(desk.write("rows.jsonl", *(event(properties={"place": f"p{n:03}"}) for n in range(LINES))))
    first, every, rows = desk("usage"), desk("usage", "--all"), desk.usage()
    assert f"these are the first {TABLE_LINES} of {len(rows)} lines; --all prints every one" in first.err
    assert len(first.out.splitlines()) == TABLE_LINES + 1
    assert first.out.splitlines() == every.out.splitlines()[: TABLE_LINES + 1]
    assert len(every.out.splitlines()) == len(rows) + 1
    assert every.err == ""
    assert "these are" not in desk("usage", "--customer", "bolt").err


def test_the_first_lines_are_those_of_the_whole_list(
    small: SmallInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few contracts are looked at for them, the first lines are the same, in the same order; so is their number."""
    small.begin()
    rows = [
        {
            "eventName": ("call", "tick")[n % 2],
            "externalCustomerId": ("acme", "bolt")[n % 3 % 2],
            "timestamp": at,
            "properties": {"n": n},
        }
        for n, at in enumerate(INSTANTS * 3)
    ]
    small.run(small.write("events", rows))
    monkeypatch.setattr(read_lines, "FEW_CONTRACTS", (1, 2))
    for wanted in (UsageFilter(), UsageFilter(customer="acme"), UsageFilter(period="1999-01")):
        with small.engine.begin() as connection:
            whole = list(chain.from_iterable(read_lines.read_usage(connection, wanted)))
        for number in (0, 1, 5, len(whole), len(whole) + 1):
            with small.engine.begin() as connection:
                assert read_lines.first_usage(connection, wanted, number=number) == whole[:number]
                assert read_lines.count_usage(connection, wanted) == len(whole)


def test_the_file_of_tonight_comes_first(desk: Desk) -> None:
    """Files that were known are a count; of those read, the ones with problems come before those with new rows."""
    desk.catalog(catalog_of(CALLS))
    exports = desk.folder / "exports"
    exports.mkdir()
    for number in range(FILES):
        desk.write(f"exports/day-{number:02}.jsonl", event(idempotencyKey=f"k{number}"))
    first = desk("run", exports, "--clock", CLOCK)
    assert len(first.out.splitlines()) == 1 + 20 + 1
    assert f"{FILES - 20} more files read; 'usage-import imports show 2 --files' lists all" in first.err
    desk.write("exports/zz-known-rows.jsonl", event(idempotencyKey="k1"), event(idempotencyKey="k2"))
    desk.write("exports/zz-tonight.jsonl", event(idempotencyKey="tonight"))
    desk.write("exports/zz-wrong.jsonl", event(idempotencyKey="x"), event(externalCustomerId="nobody"))
    answer = desk("run", exports, "--clock", CLOCK, "--max-rejected", "50%")
    files = [Path(line.split()[0]).name for line in answer.out.splitlines()[1:-1]]
    assert files == ["zz-wrong.jsonl", "zz-tonight.jsonl", "zz-known-rows.jsonl"]
    assert f"{FILES} files known already; 'usage-import imports show 3 --files' lists all" in answer.err
    assert "day-00" not in answer.out + answer.err
    assert desk("imports", "show", "3").out.count(".jsonl") == 3
    assert desk("imports", "show", "3", "--files").out.count(".jsonl") == 3 + FILES
    assert len(desk("imports", "show", "3", "--json").json["ledger"]["files"]) == 3 + FILES


def test_json_is_json_also_after_a_subcommand(desk: Desk) -> None:
    """The option may stand before the subcommand or behind it."""
    desk.catalog(catalog_of(CALLS))
    desk.run(desk.write("rows.jsonl", event()))
    assert desk("imports", "--json", "show", "1").json == desk("imports", "show", "1", "--json").json


def test_a_repeat_in_the_same_import_names_no_other(desk: Desk) -> None:
    """Rows that repeat rejections of their own import are said to repeat those of the list."""
    desk.catalog(catalog_of(CALLS))
    bad = event(externalCustomerId="nobody")
    first = desk.run(desk.write("a.jsonl", bad, bad), exit_code=1)["import_id"]
    second = desk.run(desk.write("b.jsonl", bad, bad, bad), exit_code=1)["import_id"]
    assert desk("rejects", str(first), "--json").err == "1 row repeats rejections of this list\n"
    said = desk("rejects", str(second), "--json").err
    assert said == f"3 rows repeat rejections that import {first} lists\n"


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_problem_is_listed_once(desk: Desk, count: int) -> None:
    """A few problems of a catalog stand in the one line of the error; more of them have a line each before it."""
    names = [f"plan-{number}" for number in range(count)]
    broken = [
        {**one, "planId": name, "id": name}
        for one, name in zip(catalog_of(CALLS)["contracts"] * 3, names, strict=False)
    ]
    folder = desk.write_catalog(catalog_of(CALLS, contracts=broken))
    said = desk("catalog", folder, exit_code=1).err
    assert [said.count(f"there is no plan '{name}'") for name in names] == [1] * count
    assert len(said.splitlines()) == (1 if count <= 3 else count + 1)
