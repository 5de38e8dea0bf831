"""The outcomes of contested keys are those of reading the occurrences one after another."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.frames.occurrences import OUTCOMES
from schemas.vocabulary import Outcome
from transforms.identity.outcomes import decide_outcomes

MOMENTS = [0, 1, 2]


@dataclass
class PlainReader:
    """A reader of the occurrences of one key: the version that counts, and all outcomes so far."""

    current: dict[str, Any] | None = None
    place: tuple[int, int] = (0, 0)
    version: Decimal | None = None
    outcomes: list[str | None] = field(default_factory=list)

    def read(self, row: dict[str, Any], *, is_conflict_rejected: bool) -> None:
        place = (row["place_file_id"], row["place_row"])
        version = None if row["record_version"] is None else Decimal(row["record_version"])
        if self.current is None:
            self.outcomes.append(None if row["is_existing"] else "new")
            self.current, self.place, self.version = row, place, version
        elif row["content"] == self.current["content"]:
            self.outcomes.append("duplicate")
            self.place = max(self.place, place)
            self.version = max([one for one in (self.version, version) if one is not None], default=None)
        elif is_conflict_rejected:
            self.outcomes.append("rejected")
        elif (
            (version, place) > (self.version, self.place)
            if both(version, self.version)
            else place > self.place
        ):
            self.outcomes.append("corrected")
            self.current, self.place, self.version = row, place, version
        else:
            self.outcomes.append("stale")


def both(one: object, other: object) -> bool:
    return one is not None and other is not None


occurrences_of_a_key = st.lists(
    st.fixed_dictionaries(
        {
            "content": st.integers(0, 2),
            "record_version": st.sampled_from([None, None, "1", "1.0", "2", "10"]),
            "at": st.sampled_from(MOMENTS),
        }
    ),
    min_size=1,
    max_size=7,
)


@st.composite
def contested(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw occurrences of some keys, the existing event first, then by place; its place may be later than that of others."""
    rows: list[dict[str, Any]] = []
    for number, drawn in enumerate(draw(st.lists(occurrences_of_a_key, min_size=1, max_size=4))):
        is_existing = draw(st.booleans())
        places = draw(
            st.lists(
                st.tuples(st.integers(1, 3), st.integers(1, 9)),
                min_size=len(drawn), max_size=len(drawn), unique=True,
            )
        )  # fmt: skip
        first = [places.pop(draw(st.integers(0, len(places) - 1)))] if is_existing else []
        for place, occurrence in zip([*first, *sorted(places)], drawn, strict=True):
            rows.append(
                {
                    "key": f"key-{number}",
                    "file_id": place[0],
                    "row": place[1],
                    "is_existing": is_existing and place == first[0],
                    "place_file_id": place[0],
                    "place_row": place[1],
                    "is_timestamp_omitted": False,
                    **occurrence,
                }
            )
    return rows


@given(rows=contested(), is_conflict_rejected=st.booleans())
def test_outcomes_are_those_of_reading_in_sequence(
    *, rows: list[dict[str, Any]], is_conflict_rejected: bool
) -> None:
    """Every occurrence has the outcome that a plain reader gives it, and one version of each key counts in the end."""
    readers: dict[str, PlainReader] = {}
    for row in rows:
        readers.setdefault(row["key"], PlainReader()).read(row, is_conflict_rejected=is_conflict_rejected)
    outcomes = decide_outcomes(
        pl.DataFrame(rows, infer_schema_length=None), is_conflict_rejected=is_conflict_rejected
    )
    assert outcomes.schema == OUTCOMES
    for key, reader in readers.items():
        of_key = outcomes.filter(pl.col("key") == key)
        assert of_key["outcome"].to_list() == reader.outcomes
        assert reader.current is not None
        current = of_key.filter("is_current").select("file_id", "row").rows()
        assert current == [(reader.current["file_id"], reader.current["row"])]


@given(contested())
def test_an_occurrence_names_the_version_that_it_carries(rows: list[dict[str, Any]]) -> None:
    """A duplicate names the first row of the version that it repeats; every other row names itself."""
    outcomes = decide_outcomes(pl.DataFrame(rows, infer_schema_length=None), is_conflict_rejected=False)
    contents = {(row["key"], row["file_id"], row["row"]): row["content"] for row in rows}
    for row in outcomes.iter_rows(named=True):
        place, version = (row["file_id"], row["row"]), (row["version_file_id"], row["version_row"])
        assert contents[(row["key"], *version)] == contents[(row["key"], *place)]
        assert (place == version) != (row["outcome"] == Outcome.DUPLICATE)


def occurrence(place: int, content: int, **more: Any) -> dict[str, Any]:
    return {
        "key": "key", "file_id": 1, "row": place, "is_existing": False, "place_file_id": 1, "place_row": place,
        "record_version": None, "content": content, "at": place, "is_timestamp_omitted": False,
    } | more  # fmt: skip


def outcomes_of(*rows: dict[str, Any], is_conflict_rejected: bool = False) -> list[str | None]:
    frame = pl.DataFrame(list(rows), infer_schema_length=None)
    return decide_outcomes(frame, is_conflict_rejected=is_conflict_rejected)["outcome"].to_list()


def test_a_repeated_version_takes_the_place_of_its_duplicate() -> None:
    """A row before the latest occurrence of the current version is stale."""
    existing = occurrence(1, 0, is_existing=True, place_row=5)
    assert outcomes_of(existing, occurrence(3, 1)) == [None, "stale"]
    assert outcomes_of(existing, occurrence(6, 1)) == [None, "corrected"]


def test_a_row_is_compared_with_the_current_version_and_not_with_superseded_ones() -> None:
    """Going back to an earlier content is a correction."""
    assert outcomes_of(occurrence(1, 0), occurrence(2, 1), occurrence(3, 0)) == [
        "new",
        "corrected",
        "corrected",
    ]


def test_versions_of_the_source_are_numbers_and_beat_the_place() -> None:
    """10 is more than 9, and an older version at a later place is stale; unless both have a version, the place decides."""
    ten, nine = {"record_version": "10"}, {"record_version": "9"}
    assert outcomes_of(occurrence(1, 0, **ten), occurrence(2, 1, **nine)) == ["new", "stale"]
    assert outcomes_of(occurrence(1, 0, **nine), occurrence(2, 1, **ten)) == ["new", "corrected"]
    assert outcomes_of(occurrence(1, 0, **ten), occurrence(2, 1)) == ["new", "corrected"]


def test_an_event_keeps_the_clock_of_the_import_that_first_brought_it() -> None:
    """A correction that omits the timestamp, as the current version does, takes the time of that version."""
    rows = [
        occurrence(1, 0, is_timestamp_omitted=True, is_existing=True),
        occurrence(2, 1, is_timestamp_omitted=True),
    ]
    outcomes = decide_outcomes(pl.DataFrame(rows), is_conflict_rejected=False)
    assert outcomes["at"].to_physical().to_list() == [1, 1]


def test_conflicts_are_rejected_if_the_mapping_says_so() -> None:
    """The first content stays, equal rows are duplicates, and all others are rejected."""
    rows = [occurrence(1, 0), occurrence(2, 1), occurrence(3, 0), occurrence(4, 1)]
    assert outcomes_of(*rows, is_conflict_rejected=True) == ["new", "rejected", "duplicate", "rejected"]


def test_a_correction_within_one_file_is_marked() -> None:
    """A correction is marked only if it replaces a version from the same file: many of them show that a key is too short."""
    rows = [occurrence(1, 0), occurrence(2, 1), occurrence(3, 0, file_id=2, place_file_id=2)]
    outcomes = decide_outcomes(pl.DataFrame(rows, infer_schema_length=None), is_conflict_rejected=False)
    assert outcomes["corrects_own_file"].to_list() == [False, True, False]


@pytest.mark.parametrize("is_omitted", [True, False])
def test_a_correction_keeps_its_own_time_unless_both_omit_it(*, is_omitted: bool) -> None:
    """If only one of two versions omits the timestamp, the correction happened at its own time."""
    rows = [
        occurrence(1, 0, is_timestamp_omitted=is_omitted, is_existing=True),
        occurrence(2, 1, is_timestamp_omitted=not is_omitted),
    ]
    outcomes = decide_outcomes(pl.DataFrame(rows), is_conflict_rejected=False)
    assert outcomes["at"].to_physical().to_list() == [1, 2]
