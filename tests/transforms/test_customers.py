"""Ids are matched exactly; a near miss is named in the message, never mended."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vocabulary import Kind
from tests.transforms.catalog_folders import CONTRACT, document, existing, folder_of
from tests.transforms.sifting import UUID, accepted, event, rejection
from transforms.catalog.references import ExistingThing, find_dangling
from transforms.values.near_misses import fold_id, fold_ids, near_misses


def found(**ids: object) -> tuple[int, int | None]:
    row = accepted(event(**{"externalCustomerId": None, **ids}))
    return row["customer_no"], row["contract_no"]


def test_either_id_names_a_customer_and_both_may() -> None:
    """A row may have Monk's id, the caller's own, or both if they name the same customer."""
    assert (
        found(customerId=UUID)
        == found(externalCustomerId="acme")
        == found(customerId=UUID, externalCustomerId="acme")
    )
    assert found(customerId="cus-2") == (2, None)


def test_letter_case_of_uuids_does_not_count() -> None:
    """Both ids must be UUIDs; the case of other ids counts."""
    assert found(customerId=UUID.upper()) == (1, None)
    assert rejection(event(customerId="CUS-2"))["code"] == "customer_not_found"


@pytest.mark.parametrize(
    ("near", "hint"),
    [
        ("ACME", ' (did you mean "acme": differs by case)'), (" acme", ' (did you mean "acme": differs by outer spaces)'), ("Acme\u3000", ' (did you mean "acme": differs by outer spaces and case)'),
        ("\uff41cme", ' (did you mean "acme": differs by Unicode form)'), ("\uff21CME", ' (did you mean "acme": differs by case and Unicode form)'), ("acm", ' (did you mean "acme": differs by one character)'), ("acre", ' (did you mean "acme": differs by one character)'), ("ac", ""), ("acme7", ""), ("axmf", ""),
    ],
)  # fmt: skip
def test_a_near_miss_is_named_and_not_mended(near: str, hint: str) -> None:
    """Case, outer spaces and Unicode form count; the message names the known id."""
    refused = rejection(event(externalCustomerId=near))
    assert refused["code"] == "customer_not_found"
    assert refused["message"] == f'Customer not found: "{near}"{hint}'
    assert (refused["field"], refused["value"]) == ("externalCustomerId", near)


def test_composed_and_decomposed_letters_are_near() -> None:
    """é in one code point and é in two are different ids, and near."""
    assert near_misses(["cafe\u0301"], pl.Series(["caf\u00e9"])) == {
        "cafe\u0301": 'did you mean "caf\u00e9": differs by Unicode form'
    }


@pytest.mark.parametrize(
    ("near", "known"),
    [("STRASSE-1", "straße-1"), ("ΟΔΟΣ", "οδος"), ("\uff21CME ", "acme"), ("Kunde ", "kunde")],
)
def test_rows_and_catalog_agree_on_near_misses(near: str, known: str) -> None:
    """One rule for both: case folding, after Unicode form and outer spaces."""
    documents = [document(Kind.CONTRACT, {**CONTRACT, "customerId": near, "planId": "p"})]
    things = existing(customer={known: ExistingThing(1, known)}, plan={"p": ExistingThing(1, "p")})
    (problem,) = find_dangling(folder_of(*documents), things, documents)
    assert problem.message.endswith(f"there is {known!r}, but ids are matched exactly")
    assert near_misses([near], pl.Series([known])).keys() == {near}


@given(st.lists(st.none() | st.text(max_size=8), max_size=8))
def test_ids_are_folded_in_a_column_as_one_by_one(ids: list[str | None]) -> None:
    """The quick way for ASCII folds as the rule does."""
    folded = fold_ids(pl.Series(ids, dtype=pl.String)).to_list()
    assert folded == [None if id_ is None else fold_id(id_) for id_ in ids]


def test_one_unknown_id_beside_a_known_one_is_not_found() -> None:
    """An unknown id cannot name the same customer as the known one."""
    refused = rejection(event(customerId="cus-9"))
    assert (refused["code"], refused["field"], refused["value"]) == (
        "customer_not_found",
        "customerId",
        "cus-9",
    )
    assert rejection(event(customerId=UUID, externalCustomerId="nope"))["field"] == "externalCustomerId"


def test_two_customers_in_one_event_are_a_mismatch() -> None:
    """Both ids are known, and they name different customers."""
    refused = rejection(event(customerId="cus-2"))
    assert refused["code"] == "customer_mismatch"
    assert (
        refused["message"] == 'customerId and externalCustomerId name different customers: "cus-2" and "acme"'
    )


@pytest.mark.parametrize("invalid", [5, "x" * 256, "a\nb", ["acme"]])
def test_an_invalid_id_is_not_looked_up(invalid: object) -> None:
    """It is neither missing nor unknown, nor the customer "5"; the other id is judged as usual."""
    assert found(customerId="5") == (3, None)
    assert rejection(event(customerId=invalid))["code"] == "invalid_field"
    assert rejection(event(customerId=invalid, externalCustomerId=None))["code"] == "invalid_field"
    assert rejection(event(customerId=invalid, externalCustomerId="nope"))["code"] == "customer_not_found"


def test_a_contract_must_be_the_customers_own() -> None:
    """An unknown contract and another customer's have the same code."""
    assert found(externalCustomerId="acme", contractId="con-7") == (1, 7)
    assert found(externalCustomerId="acme", contract_id="con-7") == (1, 7)
    assert rejection(event(contractId="con-9"))["message"] == 'Contract not found: "con-9"'
    assert (
        rejection(event(contractId="con-8"))["message"]
        == 'Contract not found: "con-8" (it is another customer\'s)'
    )
    assert rejection(event(contractId="CON-7"))["message"].endswith('(did you mean "con-7": differs by case)')
