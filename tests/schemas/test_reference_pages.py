"""The reference pages of mapping and catalog: every key and member is there, with its default, and their examples hold."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from inspect import getmembers, isclass
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from schemas.documents import catalog, mapping
from schemas.vocabulary import AggregationType, Interval, Kind, MeterStatus
from tests.conftest import ROOT

PAGES = ROOT / "schemas" / "documents"

MAPPING_PAGE: Mapping[str, tuple[str, ...]] = {
    "Keys of the file": tuple(mapping.Mapping.model_fields),
    "Fields": get_args(mapping.MappedField),
    "Sources of a field": (
        *mapping.Value.model_fields,
        *mapping.Column.model_fields,
        *mapping.Template.model_fields,
    ),
    "Properties": (*mapping.Property.model_fields, *mapping.Constant.model_fields),
    "Version and deletion": (
        *(f"version.{name}" for name in mapping.Version.model_fields),
        *(f"deleted.{name}" for name in mapping.Deleted.model_fields),
    ),
}
MAPPING_MODELS = (
    mapping.Mapping, mapping.Value, mapping.Column, mapping.Template, mapping.Property, mapping.Constant, mapping.Version,
    mapping.Deleted,
)  # fmt: skip
CATALOG_MODELS: Mapping[str, type[BaseModel]] = {
    "Customers": catalog.Customer,
    "Meters": catalog.Meter,
    "Event type filters": catalog.EventTypeFilter,
    "Property filters": catalog.PropertyFilter,
    "Plans": catalog.Plan,
    "Pricings": catalog.UsagePricing,
    "Contracts": catalog.Contract,
}


def aliases(model: type[BaseModel]) -> tuple[str, ...]:
    """The members of a model as documents have them."""
    return tuple(str(field.alias or name) for name, field in model.model_fields.items())


CATALOG_PAGE = {section: aliases(model) for section, model in CATALOG_MODELS.items()}


def sections(page: Path) -> dict[str, str]:
    """The text below each heading of a page."""
    parts = re.split(r"^##+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(text: str) -> list[list[str]]:
    """The cells of the rows of a section's table."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def models_of(module: object) -> set[type[BaseModel]]:
    """The documents that a module defines, but for those that begin with an underscore."""
    name = getattr(module, "__name__", "")
    found = getmembers(module, lambda one: isclass(one) and issubclass(one, BaseModel))
    return {model for label, model in found if model.__module__ == name and not label.startswith("_")}


@pytest.mark.parametrize(("name", "expected"), [("mapping", MAPPING_PAGE), ("catalog", CATALOG_PAGE)])
def test_a_reference_page_has_every_key(name: str, expected: Mapping[str, Iterable[str]]) -> None:
    """Each table has a row for each key of its document and no other; each row has a type, a default and a meaning."""
    page = sections(PAGES / f"{name}.md")
    for section, keys in expected.items():
        found = rows(page[section])
        assert sorted(row[0].strip("`") for row in found) == sorted(set(keys)), section
        assert [row for row in found if len(row) != 4 or not all(row)] == []
    assert {section for section, text in page.items() if rows(text)} == set(expected)


def test_every_document_has_a_section() -> None:
    """A new part of a mapping or of the catalog needs its table."""
    assert models_of(mapping) == set(MAPPING_MODELS)
    assert models_of(catalog) - {catalog.Pricing} == set(CATALOG_MODELS.values())


def test_the_defaults_are_those_of_the_documents() -> None:
    """A default that is a word or a number stands on the page."""
    keys = {row[0].strip("`"): row for row in rows(sections(PAGES / "mapping.md")["Keys of the file"])}
    for name, field in mapping.Mapping.model_fields.items():
        assert (keys[name][2] == f'`"{field.default}"`') == isinstance(field.default, str), name
    page = sections(PAGES / "catalog.md")
    for section, model in CATALOG_MODELS.items():
        table = {row[0].strip("`"): row[2] for row in rows(page[section])}
        for name, field in model.model_fields.items():
            shown = table[str(field.alias or name)]
            if field.is_required():
                assert shown.startswith("required"), (section, name)
            elif isinstance(field.default, StrEnum | int):
                assert shown.strip("`") == str(field.default), (section, name)


@pytest.mark.parametrize(
    ("member", "words"),
    [("aggregationType", AggregationType), ("priceInterval", Interval), ("status", MeterStatus)],
)
def test_every_word_of_a_vocabulary_is_on_the_page(member: str, words: type[StrEnum]) -> None:
    """A member that takes one of some words lists each of them."""
    page = sections(PAGES / "catalog.md")
    [row] = [
        row for section in ("Meters", "Pricings") for row in rows(page[section]) if row[0] == f"`{member}`"
    ]
    assert set(re.findall(r"`(\w+)`", row[1])) == {word.value for word in words}


def test_the_example_of_a_mapping_is_one() -> None:
    """It uses every key of the file."""
    [text] = re.findall(r"```toml\n(.*?)```", (PAGES / "mapping.md").read_text(encoding="utf-8"), re.DOTALL)
    document = tomllib.loads(text, parse_float=Decimal)
    assert set(mapping.Mapping.model_validate(document).model_fields_set) == set(mapping.Mapping.model_fields)


@pytest.mark.parametrize("kind", Kind)
def test_the_example_of_a_kind_is_understood(kind: Kind) -> None:
    """The JSON of each section is such a thing."""
    text = sections(PAGES / "catalog.md")[f"{kind.capitalize()}s"]
    [example] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert catalog.MODELS[kind].model_validate(json.loads(example, parse_float=Decimal)).id
