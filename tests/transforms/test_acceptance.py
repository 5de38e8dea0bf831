"""Whether an import may count: the limits on rejected rows, on old timestamps and on corrections within a file."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.documents.mapping import DEFAULT_MAPPING, Mapping
from schemas.ledger import FileLedger
from transforms.imports.acceptance import (
    KeyTooShort,
    MostlyBefore2000,
    Refusal,
    TooManyRejected,
    files_above_limit,
    refuse_import,
)
from transforms.imports.corrections import Corrections

FIVE_PERCENT = Decimal("0.05")
TEMPLATE = Mapping.model_validate({"fields": {"idempotencyKey": {"template": "k-{a}"}}})


def file_of(*, rows: int, rejected: int = 0, before_2000: int = 0, file_id: int = 1) -> FileLedger:
    return FileLedger(
        uri="a.jsonl",
        file_id=file_id,
        rows=rows,
        new=rows - rejected,
        rejected=rejected,
        before_2000=before_2000,
    )


def refusal_of(
    file: FileLedger,
    *,
    mapping: Mapping = DEFAULT_MAPPING,
    max_rejected: Decimal = FIVE_PERCENT,
    own_corrections: int = 0,
) -> Refusal | None:
    return refuse_import(
        file,
        [file],
        mapping=mapping,
        max_rejected=max_rejected,
        own_corrections={file.file_id or 0: own_corrections},
        readings={},
        corrections=Corrections(),
    )


@pytest.mark.parametrize(
    ("rows", "rejected", "limit", "is_above"),
    [
        (100, 0, "0", False),
        (100, 5, "0.05", False),
        (100, 6, "0.05", True),
        (100, 1, "0", True),
        (101, 5, "0.05", False),
        (99, 5, "0.05", True),
        (100, 100, "1", True),
        (1, 1, "1", True),
        (100, 99, "1", False),
        (0, 0, "0.05", False),
    ],
)
def test_the_limit_itself_is_allowed(rows: int, rejected: int, limit: str, *, is_above: bool) -> None:
    """Exactly the share is accepted, one row more is not, and all rows rejected never are."""
    refusal = refusal_of(file_of(rows=rows, rejected=rejected), max_rejected=Decimal(limit))
    assert isinstance(refusal, TooManyRejected) is is_above


@given(rows=st.integers(1, 10_000), rejected=st.integers(0, 10_000), percent=st.integers(0, 99))
def test_more_rejected_rows_never_make_an_import_acceptable(rows: int, rejected: int, percent: int) -> None:
    """The limit is one threshold."""
    share = Decimal(percent) / 100
    rejected = min(rejected, rows - 1)
    if files_above_limit([file_of(rows=rows, rejected=rejected)], share):
        assert files_above_limit([file_of(rows=rows, rejected=rejected + 1)], share)


def test_a_refusal_says_the_numbers() -> None:
    """What is printed of a refusal is counted here."""
    file = file_of(rows=100, rejected=6)
    assert refusal_of(file) == TooManyRejected(rejected=6, rows=100, limit=FIVE_PERCENT, files=(file,))


def test_the_limit_holds_for_each_file() -> None:
    """One file that is wholly rejected is not hidden by 29 good ones; the worst is named first."""
    files = [file_of(rows=1_000, file_id=n) for n in range(28)]
    files += [file_of(rows=1_000, rejected=60, file_id=28), file_of(rows=1_000, rejected=1_000, file_id=29)]
    total = file_of(rows=30_000, rejected=1_060)
    refusal = refuse_import(
        total,
        files,
        mapping=DEFAULT_MAPPING,
        max_rejected=FIVE_PERCENT,
        own_corrections={},
        readings={},
        corrections=Corrections(),
    )
    assert isinstance(refusal, TooManyRejected)
    assert [file.file_id for file in refusal.files] == [29, 28]


def test_half_before_2000_is_allowed_and_more_is_not() -> None:
    """Seconds taken for milliseconds put most events into January 1970."""
    assert refusal_of(file_of(rows=10, before_2000=5)) is None
    assert refusal_of(file_of(rows=10, before_2000=6)) == MostlyBefore2000("a.jsonl", 6, 10)
    assert refusal_of(file_of(rows=100, rejected=4, before_2000=49)) == MostlyBefore2000("a.jsonl", 49, 96)


def test_a_floor_says_that_old_timestamps_are_meant() -> None:
    """With `oldest` in the mapping, events before 2000 are as old as they say."""
    floor = Mapping.model_validate({"oldest": datetime(1970, 1, 1, tzinfo=UTC)})
    assert refusal_of(file_of(rows=10, before_2000=10), mapping=floor) is None


def test_a_short_key_is_refused_only_where_a_template_makes_it() -> None:
    """Rows that correct one another are a fault of a made key, and an honest correction of a given one."""
    assert refusal_of(file_of(rows=1000), mapping=TEMPLATE, own_corrections=10) is None
    assert refusal_of(file_of(rows=1000), mapping=TEMPLATE, own_corrections=11) == KeyTooShort(
        "a.jsonl", 11, 1000
    )
    assert refusal_of(file_of(rows=1000), own_corrections=500) is None


def test_every_file_is_looked_at() -> None:
    """A sound file before it hides no other."""
    sound, odd = file_of(rows=10, file_id=1), file_of(rows=10, before_2000=10, file_id=2)
    total = file_of(rows=20, before_2000=10)
    refusal = refuse_import(
        total,
        [sound, odd],
        mapping=DEFAULT_MAPPING,
        max_rejected=FIVE_PERCENT,
        own_corrections={},
        readings={},
        corrections=Corrections(),
    )
    assert refusal == MostlyBefore2000("a.jsonl", 10, 10)
