"""The JSON of every command has the keys that `flows/output/json.md` lists, and the same things have the same keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from schemas.frames.usage import USAGE_COLUMNS
from tests.conftest import ROOT
from tests.flows.desk import CALLS, CLOCK, Desk, catalog_of, event
from tests.flows.wrong_things import ALL_COMMANDS

PAGE = (ROOT / "flows" / "output" / "json.md").read_text(encoding="utf-8")
PARTS = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
SECTIONS = {
    name: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    for name, text in zip(PARTS[1::2], PARTS[2::2], strict=True)
}
PUBLISH = set(SECTIONS["Publishes"])
LISTS = {
    "rejects": "Rejections",
    "usage": "Usage lines",
    "events": "Events",
    "unassigned": "Unassigned events",
}
OF_ONE_COMMAND = {"catalog", "rejections", "catalog_version", "mapping_digest", "days", "database"}
"""Keys that only one of the commands of a section has."""


@pytest.fixture
def documents(desk: Desk) -> Mapping[str, Any]:
    """The document of each command, in an installation that has some of everything."""
    catalog = desk.write_catalog(catalog_of(CALLS))
    found = {"catalog": desk("catalog", catalog, "--clock", CLOCK, "--json").json}
    rows = [event(), event(idempotencyKey="k", customerId="x"), event(timestamp="2020-01-01T00:00:00Z")]
    path = desk.write("rows.jsonl", *rows)
    found["check"] = desk("check", path, "--clock", CLOCK, "--max-rejected", "90%", "--json").json
    found["run"] = desk("run", path, "--clock", CLOCK, "--max-rejected", "90%", "--json").json
    import_id = str(found["run"]["import_id"])
    for name in ("rollup", "settings", "usage", "events", "unassigned", "imports"):
        found[name] = desk(name, "--json").json
    found["settings with a value"] = desk("settings", "billing_time_zone", "UTC", "--json").json
    found["imports show"] = desk("imports", "show", import_id, "--json").json
    found["rejects"] = desk("rejects", import_id, "--json").json
    return found


def test_the_keys_of_every_command_are_listed(documents: Mapping[str, Any]) -> None:
    """No command prints a key that its table lacks, and no table has one that the command does not print."""
    run, check, shown, catalog = (documents[name] for name in ("run", "check", "imports show", "catalog"))
    ledger = set(SECTIONS["Ledgers"])
    assert set(run) == ledger - {"rejections"}
    assert set(check) == ledger - {"catalog", "database"}
    assert set(shown["ledger"]) == ledger - OF_ONE_COMMAND
    for of in (run, check, shown["ledger"]):
        assert [set(file) for file in of["files"]] == [set(SECTIONS["Files of a ledger"])]
    for of in (run, catalog, documents["rollup"], documents["settings with a value"]):
        assert set(of["lines"]) == set(SECTIONS["Changed lines"])
    assert [set(cause) for cause in check["rejections"]] == [set(SECTIONS["Causes of rejections"])]
    assert check["rejections"][0]["examples"] == [{"uri": run["files"][0]["uri"], "row": 2}]
    assert set(shown) == set(SECTIONS["Imports"])
    assert {frozenset(one) for one in documents["imports"]} == {
        frozenset(SECTIONS["Imports"]) - OF_ONE_COMMAND
    }
    assert set(documents["rollup"]) == PUBLISH
    assert set(documents["settings with a value"]) == {*PUBLISH, "billing_time_zone"}
    assert set(catalog) == set(SECTIONS["Catalogs"])
    for kind in ("customers", "meters", "plans", "contracts"):
        assert set(catalog[kind]) == set(SECTIONS["Changes of one kind"])
    for command, section in LISTS.items():
        assert {tuple(one) for one in documents[command]} == {tuple(SECTIONS[section])}


def test_every_command_is_on_the_page() -> None:
    """The first table names each command that prints JSON, and usage lines are the columns of their CSV."""
    named = set(re.findall(r"`([a-z ]+)`", "".join(re.findall(r"^\| (`.*?) \|", PARTS[0], re.MULTILINE))))
    assert named == set(ALL_COMMANDS)
    assert tuple(SECTIONS["Usage lines"]) == USAGE_COLUMNS
