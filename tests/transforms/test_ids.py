"""Two ids are the same if they are equal, and in UUIDs letter case does not count."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.values.ids import identities, identity

UPPER = "8F14E45F-CEEA-467A-9B0B-0D2C1A3B4C5D"
UUIDS = st.uuids().map(str).flatmap(lambda text: st.sampled_from([text, text.upper(), text.title()]))
NEARLY = st.sampled_from(
    [UPPER + "\n", UPPER[:-1] + "G", UPPER[:-1], UPPER + "0", UPPER.replace("-", "_"), "A" * 36, "É" * 18]
)


@pytest.mark.parametrize(
    "one", [UPPER + "\n", UPPER[:-1] + "G", UPPER[:-1], UPPER + "0", "A" * 36, "ABC", ""]
)
def test_an_id_that_is_no_uuid_keeps_its_case(one: str) -> None:
    """Only a whole UUID is compared without regard to case, not any id of its length."""
    assert identity(one) == one


def test_a_uuid_is_the_same_in_any_case() -> None:
    """Both sides of a comparison become lower case."""
    assert identity(UPPER) == identity(UPPER.lower()) == UPPER.lower()


@given(st.lists(UUIDS | NEARLY | st.text(max_size=40)))
def test_a_column_of_ids_is_compared_as_each_of_them(ids: list[str]) -> None:
    """Polars and Python say the same of every id."""
    column = pl.DataFrame({"id": ids}, schema={"id": pl.String}).select(identities("id"))
    assert column["id"].to_list() == [identity(one) for one in ids]
