"""The stories of data-samples come out as they were worked out by hand; data-samples/README.md describes their form."""

import csv
import io
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Answer, UsageImport

STORIES = sorted(path.parent for path in (ROOT / "data-samples").glob("*/story.toml"))
GROUPED = ("contract_id", "pricing_id", "period_start")
OUTCOMES = ("rows", "new", "duplicate", "corrected", "stale", "rejected")


@dataclass(frozen=True)
class Story:
    """A folder of data-samples."""

    folder: Path
    document: dict[str, Any]

    def expected(self, name: str) -> list[dict[str, str]]:
        """The rows of a file in `expected`; none where there is no such file."""
        path = self.folder / "expected" / name
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.mark.parametrize("folder", STORIES, ids=lambda folder: folder.name)
def test_a_story_comes_out_as_worked_out_by_hand(folder: Path, usage_import: UsageImport) -> None:
    """Exit codes, ledgers, rejections, usage lines and unassigned events lie beside the input; `check` foretells them."""
    story = Story(folder, tomllib.loads((folder / "story.toml").read_text(encoding="utf-8")))
    needed = story.document.get("needs")
    if needed and not (folder / needed).exists():
        pytest.skip(f"{needed} is not part of this project and not here")
    for name, value in story.document.get("settings", {}).items():
        usage_import("settings", name, str(value))
    for number, step in enumerate(story.document["step"], 1):
        _take(story, number, step, usage_import)
    _check_usage(story, "usage.csv", usage_import)
    assert _unassigned(usage_import) == _counted(story.expected("unassigned.csv"))


def _take(story: Story, number: int, step: dict[str, Any], usage_import: UsageImport) -> None:
    clock = ("--clock", step["clock"].isoformat().replace("+00:00", "Z"))
    if "catalog" in step:
        usage_import("catalog", step["catalog"], *clock, cwd=story.folder)
        return
    ledger = next(row for row in story.expected("ledger.csv") if row["step"] == str(number))
    mapping = ("--mapping", step["mapping"]) if "mapping" in step else ()
    limit = ("--max-rejected", step["max_rejected"]) if "max_rejected" in step else ()
    arguments = (*step["run"], *mapping, *clock, "--json")
    if ledger["status"] == "published":
        checked = usage_import("check", *arguments, *limit, cwd=story.folder).json
        assert {name: str(checked[name]) for name in OUTCOMES} == {name: ledger[name] for name in OUTCOMES}
    answer = usage_import("run", *arguments, *limit, exit_code=int(ledger["exit"]), cwd=story.folder)
    _check_ledger(ledger, answer)
    _check_rejections(story, number, answer, usage_import)
    _check_usage(story, f"usage-after-{number}.csv", usage_import)


def _check_ledger(expected: dict[str, str], answer: Answer) -> None:
    stated = {name: value for name, value in expected.items() if value and name not in {"step", "exit"}}
    assert {name: str(answer.json[name]) for name in stated} == stated


def _check_rejections(story: Story, number: int, answer: Answer, usage_import: UsageImport) -> None:
    expected = [row for row in story.expected("rejections.csv") if row["step"] == str(number)]
    assert answer.json.get("rejected_by_reason", {}) == Counter(row["code"] for row in expected)
    if not expected:
        return
    found = usage_import("rejects", str(answer.json["import_id"]), "--json").json
    places = [(Path(row["uri"]).name, str(row["row"])) for row in found]
    assert places == [(row["file"], row["row"]) for row in expected]
    for rejection, row in zip(found, expected, strict=True):
        assert rejection["message"].startswith(row.pop("message"))
        stated = {name: value for name, value in row.items() if value and name not in {"step", "file"}}
        assert {name: str(rejection[name]) for name in stated} == stated


def _check_usage(story: Story, name: str, usage_import: UsageImport) -> None:
    """Compare line by line; within a contract, pricing and period the order of groups is not ours to say."""
    expected = story.expected(name)
    if not expected and name != "usage.csv":
        return
    lines = list(csv.DictReader(io.StringIO(usage_import("usage", "--format", "csv").out)))
    found = [{column: line[column] for column in expected[0]} for line in lines]
    assert [[line[column] for column in GROUPED] for line in found] == [
        [line[column] for column in GROUPED] for line in expected
    ]
    assert sorted(map(tuple, map(dict.values, found))) == sorted(map(tuple, map(dict.values, expected)))


def _unassigned(usage_import: UsageImport) -> Counter[tuple[str, str, str]]:
    return _counted(usage_import("unassigned", "--json").json)


def _counted(rows: list[dict[str, Any]]) -> Counter[tuple[str, str, str]]:
    return Counter(
        {(row["customer_id"], row["event_name"], row["reason"]): int(row["event_count"]) for row in rows}
    )
