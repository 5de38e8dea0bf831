"""Laws of imports, on a real database: nothing is lost, nothing counts twice, and how the work is cut up never shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from flows.imports.request import Pace
from schemas.ledger import Ledger
from schemas.vocabulary import ImportStatus
from tests.flows.small_installation import (
    LAW,
    ROWS,
    Row,
    SmallInstallation,
    events,
    exports,
    small_installation,
)

REJECTED = {"eventName": "tick", "customerId": "nobody", "timestamp": "2026-01-15T12:00:00Z"}
OUTCOMES = ("new", "duplicate", "corrected", "stale", "rejected")


@pytest.fixture
def small(database_url: str, tmp_path: Path) -> Iterator[SmallInstallation]:
    """An installation of the test's own, emptied by each example."""
    with small_installation(database_url, tmp_path) as installation:
        yield installation


def write_all(small: SmallInstallation, files: Sequence[Sequence[Row]], *, prefix: str = "file") -> list[str]:
    return [small.write(f"{prefix}-{number}", rows) for number, rows in enumerate(files)]


@LAW
@given(files=exports(ROWS), is_at_once=st.booleans())
def test_every_row_has_one_outcome(
    small: SmallInstallation, *, files: list[list[Row]], is_at_once: bool
) -> None:
    """Per file and in all the outcomes are the rows, and each row is found once again: it counts, is kept, or is set aside."""
    small.begin()
    paths = write_all(small, files)
    ledgers = [small.run(*paths)] if is_at_once else [small.run(path) for path in paths]
    rows_of = dict(zip(paths, map(len, files), strict=True))
    for ledger in ledgers:
        assert ledger.rows == sum(getattr(ledger, outcome) for outcome in OUTCOMES)
        assert ledger.rows == sum(file.rows for file in ledger.files)
        for file in ledger.files:
            assert file.rows == (0 if file.is_unchanged else rows_of[file.uri])
            assert file.rows == sum(getattr(file, outcome) for outcome in OUTCOMES)
    published = [
        file for ledger in ledgers if ledger.status == ImportStatus.PUBLISHED for file in ledger.files
    ]
    stored = Counter[int](file_id for (file_id,) in small.select(EVERY_ROW))
    assert stored == Counter({file.file_id: file.rows for file in published if file.rows})


EVERY_ROW = """
    select file_id from events union all select file_id from superseded union all select file_id from duplicates
    union all select file_id from rejections join imports using (import_id) where imports.status = 'published'
"""


@LAW
@given(files=exports(ROWS), is_at_once=st.booleans())
def test_importing_anything_twice_changes_no_line(
    small: SmallInstallation, *, files: list[list[Row]], is_at_once: bool
) -> None:
    """The same files again are unchanged; the same rows in other files are duplicates, and no line gets a revision."""
    small.begin()
    paths = write_all(small, files)
    assume(small.run(*paths).status == ImportStatus.PUBLISHED)
    lines = small.lines()
    assert small.run(*paths).status == ImportStatus.UNCHANGED
    assert small.lines() == lines
    again = [small.write(f"again-{number}", [b"", *rows]) for number, rows in enumerate(files)]
    ledgers = [small.run(*again)] if is_at_once else [small.run(path) for path in again]
    assert [ledger.lines_changed for ledger in ledgers] == [0 for _ in ledgers] or not is_at_once
    assert sum(ledger.new for ledger in ledgers) == 0
    assert small.numbers() == [without_publish(line) for line in lines]
    if is_at_once:
        assert small.lines() == lines


def without_publish(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in line if name not in {"revision", "import_id"}}


@LAW
@given(
    files=exports(events(keys=(None,))), random=st.randoms(use_true_random=False), is_at_once=st.booleans()
)
def test_order_does_not_matter_where_nothing_conflicts(
    small: SmallInstallation, *, files: list[list[Row]], random: Any, is_at_once: bool
) -> None:
    """Files in any order, and rows in any order within them, give the same lines: without keys nothing can conflict."""
    found = []
    for _ in range(2):
        small.begin()
        paths = write_all(small, files)
        for sources in [paths] if is_at_once else [[path] for path in paths]:
            small.run(*sources)
        found.append(small.numbers())
        files = [random.sample(rows, len(rows)) for rows in random.sample(files, len(files))]
    assert found[0] == found[1]


@LAW
@given(
    exports(ROWS, rows_each=12),
    st.sampled_from(
        [Pace(workers=1, chunk_rows=1), Pace(workers=2, chunk_rows=2), Pace(workers=4, chunk_rows=7)]
    ),
    st.sampled_from([1, 2, 4]),
)
def test_chunks_and_workers_never_show(
    small: SmallInstallation, files: list[list[Row]], pace: Pace, workers: int
) -> None:
    """Ledgers, events, what was superseded, rejections and lines are the same however an import is cut up."""
    found: list[tuple[dict[str, Any], Any]] = []
    for cut in (Pace(workers=1, chunk_rows=1000), pace, Pace(workers=workers, chunk_rows=pace.chunk_rows)):
        small.begin()
        ledger = small.run(*write_all(small, files), pace=cut)
        found.append((asdict(ledger), small.stored()))
    assert found[1] == found[0]
    assert found[2] == found[0]


@LAW
@example([[], [REJECTED]])
@given(exports(events()))
def test_files_at_once_are_as_files_one_after_another(
    small: SmallInstallation, files: list[list[Row]]
) -> None:
    """Outcomes are those of reading the files one after another, whether one import read them all or each had its own."""
    outcomes, counted = [], []
    for is_at_once in (True, False):
        small.begin()
        paths = write_all(small, files)
        ledgers = [small.run(*paths)] if is_at_once else [small.run(path) for path in paths]
        outcomes.append(per_file(ledgers))
        # An import whose rows are all rejected publishes nothing, where that of an empty file publishes empty lines.
        small.rollup()
        counted.append(small.numbers())
    assert outcomes[0] == outcomes[1]
    assert counted[0] == counted[1]


def per_file(ledgers: Sequence[Ledger]) -> list[tuple[Any, ...]]:
    return [
        (file.uri, *(getattr(file, outcome) for outcome in OUTCOMES))
        for ledger in ledgers
        for file in ledger.files
    ]


EFFECTS = ("import_id", "message", "lines_changed", "lines")
"""Fields of a ledger that only an import has: its id, its message, which names it, and the lines that it changed."""


@LAW
@example([[REJECTED]], [[], [REJECTED]])
@given(exports(ROWS), exports(ROWS))
def test_a_check_has_the_outcomes_of_an_import(
    small: SmallInstallation, files: list[list[Row]], more: list[list[Row]]
) -> None:
    """Before a first import and before a second one, a check of the same files has the ledger of the import."""
    small.begin()
    for prefix, exported in (("file", files), ("more", more)):
        paths = write_all(small, exported, prefix=prefix)
        checked, stored = small.check(*paths), small.stored()
        assert small.check(*paths) == checked
        assert small.stored() == stored
        imported = small.run(*paths)
        if imported.status != ImportStatus.UNCHANGED:
            assert without_effects(checked) == without_effects(imported)


def without_effects(ledger: Ledger) -> dict[str, Any]:
    return {name: value for name, value in asdict(ledger).items() if name not in EFFECTS}
