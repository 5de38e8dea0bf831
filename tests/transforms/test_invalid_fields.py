"""Invalid fields are listed by name, in order."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.rows.invalid_fields import NAMES, add_invalid_fields, names_where

FIELDS = ("a", "b", "c")
LISTS = st.none() | st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=2)


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.booleans()] * len(FIELDS))))
def test_names_are_those_whose_flag_is_true(rows: list[tuple[bool, ...]]) -> None:
    """The names keep the order of the flags; a row without a true flag has null."""
    flags = pl.DataFrame(rows, schema=dict.fromkeys(FIELDS, pl.Boolean), orient="row")
    lists = flags.select(names=names_where({name: pl.col(name) for name in FIELDS})).to_series()
    assert lists.dtype == NAMES
    assert lists.to_list() == [
        [name for name, flag in zip(FIELDS, row, strict=True) if flag] or None for row in rows
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(LISTS, st.booleans())))
def test_names_are_added_after_those_before(rows: list[tuple[list[str] | None, bool]]) -> None:
    """Names that were found first stay first, for a message names the first."""
    frame = pl.DataFrame(
        {"invalid_fields": [names for names, _ in rows], "flag": [flag for _, flag in rows]},
        schema={"invalid_fields": NAMES, "flag": pl.Boolean},
    )
    added = add_invalid_fields(frame, {"new": pl.col("flag")})
    assert added["invalid_fields"].to_list() == [
        [*(names or ()), *(["new"] if flag else [])] or None for names, flag in rows
    ]
