"""The limit of rejected rows holds for each file, and a file that would fail an import can be set aside."""

import gzip
from pathlib import Path

import pytest

from tests.flows.desk import CALLS, CLOCK, Desk, catalog_of, event

GOOD_FILES = 5


@pytest.fixture
def folder(desk: Desk) -> Path:
    """A folder of daily files, one of them with a renamed column, so that all its rows are rejected."""
    desk.catalog(catalog_of(CALLS))
    folder = desk.folder / "exports"
    folder.mkdir()
    for day in range(GOOD_FILES):
        rows = [event(idempotencyKey=f"{day}-{n}") for n in range(20)]
        desk.write(f"exports/day-{day}.jsonl", *rows)
    desk.write("exports/day-3-renamed.jsonl", event(externalCustomerId=None, customer="acme"))
    return folder


def truncated(folder: Path) -> Path:
    """Write an export that ends in the middle of its gzip stream."""
    path = folder / "cut.jsonl.gz"
    whole = gzip.compress(b'{"eventName":"call","externalCustomerId":"acme"}\n' * 10_000)
    path.write_bytes(whole[: len(whole) // 2])
    return path


def test_a_file_above_the_limit_fails_the_import_and_is_named(desk: Desk, folder: Path) -> None:
    """One day of six that is wholly rejected is 1 % of the rows; it was published without a word."""
    refused = desk("run", folder, "--clock", CLOCK, exit_code=1)
    message = refused.err.splitlines()[-1]
    assert message.startswith(
        f"usage-import: {folder / 'day-3-renamed.jsonl'}: 1 of 1 rows rejected (missing_customer 1)"
    )
    assert "above the limit of 5 %" in message
    assert "--set-aside" in message
    assert desk.usage() == []


def test_a_file_above_the_limit_can_be_set_aside(desk: Desk, folder: Path) -> None:
    """The others are loaded; the file stays not imported, its rejections are kept, and it is listed with its reason."""
    ledger = desk.run(folder, "--set-aside")
    assert (ledger["status"], ledger["rows"], ledger["rejected"]) == ("published", 20 * GOOD_FILES, 0)
    [left_out] = [file for file in ledger["files"] if file["set_aside"]]
    assert left_out["uri"].endswith("day-3-renamed.jsonl")
    assert left_out["set_aside"] == "1 of 1 rows rejected (missing_customer 1), above the limit of 5 %"
    assert desk.codes(ledger["import_id"]) == {1: "missing_customer"}
    assert "import 2 set 1 file aside: 'usage-import imports show 2 --files'" in desk("imports").err
    assert "day-3-renamed.jsonl: set aside" in desk("imports", "show", str(ledger["import_id"])).err


def test_a_file_that_cannot_be_read_can_be_set_aside(desk: Desk, folder: Path) -> None:
    """A truncated file among good ones does not stop everyone; without the option it does."""
    (folder / "day-3-renamed.jsonl").unlink()
    cut = truncated(folder)
    assert str(cut) in desk("run", folder, "--clock", CLOCK, exit_code=1).err.splitlines()[-1]
    ledger = desk.run(folder, "--set-aside")
    assert (ledger["status"], ledger["new"]) == ("published", 20 * GOOD_FILES)
    [left_out] = [file for file in ledger["files"] if file["set_aside"]]
    assert left_out["uri"] == str(cut)
    assert desk.select("select count(*) from events") == [(20 * GOOD_FILES,)]


def test_a_file_that_was_set_aside_is_taken_again_on_request_or_with_other_bytes(
    desk: Desk, folder: Path
) -> None:
    """The folder leaves it out and says so every night; the file itself, or a mended one, is read."""
    desk.run(folder, "--set-aside")
    again = desk("run", folder, "--clock", CLOCK)
    assert (
        "day-3-renamed.jsonl: set aside, nothing of it is loaded: import 2 set it aside; name the file"
        in again.err
    )
    assert "nothing new" in again.err
    path = folder / "day-3-renamed.jsonl"
    assert desk.run(path, exit_code=1)["rejected"] == 1
    desk.write("exports/day-3-renamed.jsonl", event(idempotencyKey="3-mended"))
    assert desk.run(folder)["new"] == 1
    assert desk.run(folder)["status"] == "unchanged"


def test_an_import_of_which_every_file_is_set_aside_fails(desk: Desk, folder: Path) -> None:
    """Nothing is left to load, so it is no green import."""
    failed = desk.run(folder / "day-3-renamed.jsonl", "--set-aside", exit_code=1)
    assert failed["status"] == "failed"
    assert "every file is set aside" in failed["message"]


def test_conflicts_set_a_file_aside_too(desk: Desk, folder: Path) -> None:
    """A file whose rows are rejected only once it is compared with others is left out like any other."""
    (folder / "day-3-renamed.jsonl").unlink()
    mapping = desk.write_bytes("mapping.toml", b'on_conflict = "reject"\n')
    other = [event(idempotencyKey=f"1-{n}", properties={"n": n + 1}) for n in range(20)]
    desk.write("exports/day-9.jsonl", *other)
    ledger = desk.run(folder, "--set-aside", "--mapping", mapping)
    [left_out] = [file for file in ledger["files"] if file["set_aside"]]
    assert left_out["uri"].endswith("day-9.jsonl")
    assert "20 of 20 rows rejected (conflict 20)" in left_out["set_aside"]
    assert (ledger["new"], ledger["rejected"]) == (20 * GOOD_FILES, 0)
