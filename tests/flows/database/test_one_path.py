"""The order of an import stands once: faults that its copies had, each held by a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from flows.catalog.read_catalog import CatalogFrames
from flows.history.runs import import_seconds
from flows.imports import check
from flows.imports.load import LoadOrder, load_file
from flows.imports.request import Pace
from flows.output.progress import FileProgress, NoDisplay
from flows.output.progress_bar import Tally
from schemas.errors import UnreachableError, UsageImportError
from tests.flows.desk import CALLS, Desk, catalog_of, event
from tests.flows.small_installation import SmallInstallation, small_installation
from tests.flows.stopping import WAITING_HERE, ended, started, stopped_at, wait_for, wait_until_stopped


@pytest.fixture
def small(database_url: str, tmp_path: Path) -> Iterator[SmallInstallation]:
    """An installation with a catalog."""
    with small_installation(database_url, tmp_path) as installation:
        installation.begin()
        yield installation


class Shares(NoDisplay):
    """A display that keeps the share and the rows that a progress bar would show after each chunk."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.shares: list[int] = []
        self.rows: list[int] = []

    def expect(self, size: int, *, files: int) -> None:
        """Take the number and the size of all files."""
        self.tally.expected, self.tally.files_expected = size, files

    def file(self, name: str, *, size: int) -> FileProgress:
        """Return a callback that keeps the share."""
        self.tally.begin(size, now=0)

        def chunk_loaded(rows: int, bytes_read: int, *, is_resumed: bool = False) -> None:
            counted = self.tally.resume if is_resumed else self.tally.add
            counted(name, rows=rows, bytes_read=min(bytes_read, size), now=0)
            self.shares.append(self.tally.share)
            self.rows.append(self.tally.rows)

        return chunk_loaded


def test_the_share_of_several_files_never_falls(small: SmallInstallation) -> None:
    """The size of all files is known before the first begins, so each of 20 equal files is 5 % of the whole."""
    paths = [small.write(f"{number:02}", [event(idempotencyKey=f"k{number:02}")]) for number in range(20)]
    display = Shares()
    small.run(*paths, pace=Pace(workers=1), display=display)
    assert display.shares == list(range(5, 101, 5))


class Breaking(NoDisplay):
    """A display that breaks an import off after its second chunk."""

    def file(self, name: str, *, size: int) -> FileProgress:  # noqa: ARG002 (as a display has it)
        """Return a callback that fails."""
        seen: list[int] = []

        def chunk_loaded(rows: int, bytes_read: int, *, is_resumed: bool = False) -> None:
            seen.append(rows)
            if len(seen) == 2:
                raise UnreachableError("the network is gone")

        return chunk_loaded


def test_a_resumed_import_starts_where_it_stands(small: SmallInstallation) -> None:
    """Its progress begins with the rows and bytes of before, and its time leaves the pause out."""
    path = small.write("long", [event(idempotencyKey=f"k{number:03}") for number in range(100)])
    slow = Pace(workers=1, chunk_rows=10)
    with pytest.raises(UnreachableError):
        small.run(path, pace=slow, display=Breaking())
    with small.engine.begin() as connection:
        connection.execute(text("update imports set started_at = started_at - interval '1 day'"))
        connection.execute(text("update chunks set committed_at = committed_at - interval '1 day'"))
    display = Shares()
    assert small.run(path, pace=slow, display=display).rows == 100
    assert display.rows[:2] == [20, 30]
    assert display.tally.rows == 100
    with small.engine.begin() as connection:
        seconds = import_seconds(connection, 2)
    assert seconds is not None
    assert 0 < seconds < 3_600


def test_a_check_refuses_rows_without_an_outcome(
    small: SmallInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a row is lost on the way, a check says so, as an import does, instead of showing wrong counts."""

    def lose_a_row(
        connection: Connection,
        order: LoadOrder,
        catalog: CatalogFrames,
        lock: None,
        *,
        progress: FileProgress,
    ) -> None:
        load_file(connection, order, catalog, lock, progress=progress)
        with connection.begin():
            connection.execute(text("update chunks set rows = rows + 1, rejected = rejected + 1"))

    monkeypatch.setattr(check, "load_file", lose_a_row)
    with pytest.raises(UsageImportError, match="do not add up"):
        small.check(small.write("rows", [event(), event()]))


@pytest.mark.parametrize("command", ["run", "catalog", "rollup"])
def test_a_command_that_waits_for_an_import_prints_one_line(desk: Desk, command: str) -> None:
    """With --wait a command that has to wait prints one line outside a terminal; a command that need not prints nothing."""
    folder = desk.write_catalog(catalog_of(CALLS))
    desk("catalog", folder)
    path = desk.write("rows.jsonl", *(event(idempotencyKey=f"k{number}") for number in range(30)))
    words = {
        "run": ["run", str(desk.write("more.jsonl", event()))],
        "catalog": ["catalog", str(folder)],
        "rollup": ["rollup"],
    }[command]
    with stopped_at(desk, "a chunk is being loaded") as connection:
        first = started(desk, "run", path, "--wait")
        wait_until_stopped(connection, first)
        second = started(desk, *words, "--wait")
        wait_for(connection, WAITING_HERE, "> 1")
    line = "waiting for another import …"
    assert line not in ended(first)[2]
    code, _, lines = ended(second)
    assert (code, lines.count(line)) == (0, 1)
