"""A catalog or a setting that changes numbers is a publish: its lines follow in the same command, and it says so first."""

from pathlib import Path
from typing import Any

import pytest

from tests.flows.desk import CALLS, CLOCK, TOTAL, Desk, catalog_of, event
from tests.flows.small_installation import contract
from tests.flows.stopping import PATIENCE_SECONDS, started, stopped_at, wait_until_stopped

EVENT = event(properties={"n": 2})
LATE_START: dict[str, Any] = {
    "contracts": [
        contract("con-acme", "cus-acme", "plan", "2026-03-01"),
        contract("con-bolt", "cus-bolt", "plan", "2026-01-01"),
    ]
}
"""Acme's contract begins after its events, so its lines would go."""


@pytest.fixture
def billed(desk: Desk) -> Desk:
    """A desk with one event of February on two due lines of acme."""
    desk.catalog(catalog_of(CALLS, TOTAL))
    desk.run(desk.write("february.jsonl", EVENT))
    return desk


def counts(lines: dict[str, int]) -> tuple[int, int, int, int]:
    return lines["new"], lines["changed"], lines["withdrawn"], lines["due"]


def test_a_catalog_publishes_the_lines_that_follow_from_it(desk: Desk) -> None:
    """Events that had no contract are on lines when the command returns, and the publish has an id of its own."""
    desk.catalog(catalog_of(CALLS, contracts=[]))
    assert desk.run(desk.write("february.jsonl", EVENT))["lines_changed"] == 0
    loaded = desk("catalog", desk.write_catalog(catalog_of(CALLS)), "--json").json
    assert (loaded["import_id"], loaded["status"]) == (3, "published")
    assert counts(loaded["lines"]) == (1, 0, 0, 1)
    [line] = [line for line in desk.usage() if line["quantity"] == "1"]
    assert line["import_id"] == "3"
    assert [one["kind"] for one in desk("imports", "--json").json] == ["catalog", "import", "catalog"]


def test_an_unchanged_catalog_is_no_publish(billed: Desk) -> None:
    """Loading the same folder again leaves nothing in the history."""
    loaded = billed("catalog", billed.folder / "catalog", "--json").json
    assert (loaded["import_id"], loaded["status"], loaded["lines_changed"]) == (None, "unchanged", 0)
    assert len(billed("imports", "--json").json) == 2


def test_a_catalog_moves_no_clock(billed: Desk) -> None:
    """A month is not due before its data was in, whatever the clock of a catalog says."""
    before = billed.usage()
    desk = billed
    desk("catalog", desk.write_catalog({"customers": [{"id": "cus-new"}]}), "--clock", "2026-03-11T00:00:00Z")
    assert desk.usage() == before


def test_a_catalog_that_withdraws_due_lines_is_refused(billed: Desk) -> None:
    """The message names the lines, and catalog and lines stay as they are."""
    before = billed.usage()
    refused = billed("catalog", billed.write_catalog(LATE_START), exit_code=1)
    assert "would withdraw 2 due usage lines with events (con-acme calls from 2026-02-01: 1, " in refused.err
    assert "--allow-withdrawn --reason TEXT" in refused.err
    assert billed.usage() == before
    assert len(billed("imports", "--json").json) == 2


def test_due_lines_are_withdrawn_where_that_is_asked_for_with_a_reason(billed: Desk) -> None:
    """Without a reason the command is refused, with one it counts what it took away."""
    folder = billed.write_catalog(LATE_START)
    assert "--reason TEXT" in billed("catalog", folder, "--allow-withdrawn", exit_code=1).err
    loaded = billed("catalog", folder, "--allow-withdrawn", "--reason", "a mistake", "--json").json
    assert counts(loaded["lines"]) == (0, 0, 2, 2)
    assert {line["contract_id"] for line in billed.usage() if line["quantity"] not in {"", "0"}} == set()


def test_a_catalog_named_with_an_import_is_one_publish_with_it(billed: Desk) -> None:
    """The import's rows are judged by the catalog, its diff and its warnings are printed, and both have one id."""
    customers = [{"id": "cus-new", "externalCustomerId": "new"}]
    contracts = [contract("con-new", "cus-new", "plan", "2026-01-01", isActive=False)]
    folder = billed.write_catalog({"customers": customers, "contracts": contracts})
    answer = billed(
        "run",
        billed.write("new.jsonl", event(externalCustomerId="new")),
        "--catalog",
        folder,
        "--clock",
        CLOCK,
    )
    assert "catalog 2: 1 customer added, 1 contract added; published with import 3" in answer.err
    assert "warning: " in answer.err
    assert "isActive" in answer.err
    [line] = [
        line
        for line in billed.usage("--meter", "calls")
        if line["external_customer_id"] == "new" and line["event_count"] == "1"
    ]
    assert line["import_id"] == "3"
    assert len(billed("imports", "--json").json) == 3


def test_an_import_that_fails_leaves_the_catalog_as_it_was(billed: Desk) -> None:
    """Rows that are all rejected publish neither rows nor catalog; the numbers of the catalog's things are not lost."""
    folder = billed.write_catalog({"customers": [{"id": "cus-new", "externalCustomerId": "new"}]})
    bad = billed.write("bad.jsonl", b"{}")
    failed = billed("run", bad, "--catalog", folder, "--json", "--clock", CLOCK, exit_code=1).json
    assert failed["catalog"]["status"] == "failed"
    assert billed.select("select max(catalog_version) from catalog_versions") == [(1,)]
    assert billed.select("select count(*) from staged_things") == [(0,)]
    assert billed("catalog", folder, "--json").json["customers"]["added"] == ["cus-new"]


def test_an_import_whose_catalog_withdraws_due_lines_fails(billed: Desk) -> None:
    """Two rows with another catalog once withdrew most of a month; now neither counts, and both do when that is asked for."""
    before = billed.usage()
    source, folder = billed.write("more.jsonl", event(idempotencyKey="k")), billed.write_catalog(LATE_START)
    failed = billed.run(source, "--catalog", folder, exit_code=1)
    assert failed["status"] == "failed"
    assert "would withdraw 2 due usage lines" in failed["message"]
    assert billed.usage() == before
    done = billed.run(source, "--catalog", folder, "--allow-withdrawn", "--reason", "a mistake")
    assert done["lines"]["withdrawn"] == 2


def test_known_files_publish_the_catalog_that_is_named_with_them(billed: Desk) -> None:
    """A nightly that finds no new file brings its catalog up to date all the same."""
    folder = billed.write_catalog({"customers": [{"id": "cus-new"}]})
    again = billed.run(billed.folder / "february.jsonl", "--catalog", folder)
    assert (again["status"], again["catalog"]["status"], again["catalog"]["import_id"]) == (
        "unchanged",
        "published",
        3,
    )


def test_a_later_import_knows_nothing_of_the_catalog_of_one_that_did_not_begin(billed: Desk) -> None:
    """The catalog of a run that is refused before it begins waits for nobody."""
    folder = billed.write_catalog({"customers": [{"id": "cus-new", "externalCustomerId": "new"}]})
    billed("run", billed.folder / "nowhere.jsonl", "--catalog", folder, exit_code=2)
    ledger = billed.run(
        billed.write("new.jsonl", event(externalCustomerId="new"), event(), event()), "--max-rejected", "50%"
    )
    assert ledger["rejected_by_reason"] == {"customer_not_found": 1}
    assert billed.select("select max(catalog_version) from catalog_versions") == [(1,)]


def test_a_billing_time_zone_is_a_publish_of_its_own(billed: Desk) -> None:
    """A changed zone withdraws due lines, so it is asked for; then the lines have its periods when the command returns."""
    zone = ("settings", "billing_time_zone", "Asia/Tokyo")
    assert "would withdraw 2 due usage lines" in billed(*zone, exit_code=1).err
    assert {line["period_start"] for line in billed.usage("--period", "2026-02")} == {"2026-02-01T00:00:00Z"}
    done = billed(*zone, "--allow-withdrawn", "--reason", "the books are in Tokyo", "--json").json
    assert (done["import_id"], counts(done["lines"])) == (3, (2, 0, 2, 4))
    assert {line["period_start"] for line in billed.usage("--period", "2026-02")} == {"2026-01-31T15:00:00Z"}
    assert billed(*zone, "--json").json["status"] == "unchanged"


def test_the_json_of_a_run_without_a_catalog_says_so(billed: Desk) -> None:
    """Machines find the member always."""
    assert billed.run(billed.write("one.jsonl", event(idempotencyKey="one")))["catalog"] is None


def interrupted_with_carl(desk: Desk) -> Path:
    """Interrupt an import of carl's events that was named with a catalog in which carl is new; return its source."""
    carl = [{"id": "cus-carl", "externalCustomerId": "carl"}]
    contracts = [contract("con-carl", "cus-carl", "plan", "2026-01-01")]
    folder = desk.write_catalog({"customers": carl, "contracts": contracts})
    rows = [event(externalCustomerId="carl", idempotencyKey=f"c{n}") for n in range(40)]
    source = desk.write("carl.jsonl", *rows)
    with stopped_at(desk, "lines are being written") as connection:
        process = started(desk, "run", source, "--catalog", folder, "--clock", CLOCK)
        wait_until_stopped(connection, process)
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)
    assert desk.select("select max(catalog_version) from catalog_versions") == [(1,)]
    return source


def test_an_interrupted_import_keeps_the_catalog_that_it_was_named_with(billed: Desk) -> None:
    """Resumed without naming it again, the import publishes it with its rows, as if nothing had happened."""
    source = interrupted_with_carl(billed)
    ledger = billed.run(source)
    assert (ledger["import_id"], ledger["new"], ledger["rejected"]) == (3, 40, 0)
    assert (
        billed("usage", "--customer", "carl", "--meter", "calls", "--format", "json").json[0]["quantity"]
        is not None
    )
    assert billed.select("select max(catalog_version) from catalog_versions") == [(2,)]


def test_a_catalog_that_was_loaded_meanwhile_is_not_overwritten(billed: Desk) -> None:
    """The interrupted import says that its own catalog is out of date, and goes on when it is named with it again."""
    source = interrupted_with_carl(billed)
    carl = billed.folder / "with-carl"
    carl.mkdir()
    for path in (billed.folder / "catalog").iterdir():
        path.rename(carl / path.name)
    billed("catalog", billed.write_catalog({"customers": [{"id": "cus-dora", "externalCustomerId": "dora"}]}))
    refused = billed("run", source, "--clock", CLOCK, exit_code=1)
    assert "the catalog has changed since import 3 read its own; run it again with --catalog" in refused.err
    ledger = billed.run(source, "--catalog", carl)
    assert (ledger["import_id"], ledger["new"], ledger["catalog"]["catalog_version"]) == (3, 40, 3)


def test_an_import_that_is_given_up_leaves_no_catalog(billed: Desk) -> None:
    """Its catalog never counts, and the next import is judged by the one of before."""
    source = interrupted_with_carl(billed)
    billed("revert", "3")
    assert billed.run(source, exit_code=1)["rejected_by_reason"] == {"customer_not_found": 40}
    assert billed.select("select count(*) from staged_things") == [(0,)]
