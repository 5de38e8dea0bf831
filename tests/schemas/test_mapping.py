"""A mapping is identified by its digest."""

import tomllib

import pytest

from schemas.documents.mapping import DEFAULT_MAPPING, Mapping, template_pieces


def digest(text: str) -> str:
    return Mapping.model_validate(tomllib.loads(text)).digest


def test_mappings_that_say_the_same_have_one_digest() -> None:
    """The order of keys, comments, defaults written out and the spelling of an instant do not count."""
    one = 'oldest = 2020-01-01T00:00:00Z\n[fields]\neventName = { value = "a" }\ntimestamp = { column = "t" }'
    other = '# x\non_conflict = "correct"\noldest = 2020-01-01T01:00:00+01:00\n[fields]\ntimestamp = { column = "t" }\neventName = { value = "a" }'
    assert digest(one) == digest(other)
    assert digest("") == DEFAULT_MAPPING.digest
    assert len(DEFAULT_MAPPING.digest) == 64


@pytest.mark.parametrize(
    "text",
    [
        'time_zone = "UTC"',
        '[fields]\neventName = { column = "a" }',
        '[fields]\neventName = { value = "a" }',
        'properties = "rest"',
        "[properties]",
        "[fields]",
        "[properties]\na = { value = 1 }",
        '[properties]\na = { value = "1" }',
        "[properties]\na = { value = true }",
    ],
)
def test_mappings_that_differ_have_different_digests(text: str) -> None:
    """So an import can refuse a file that was read under another mapping."""
    others = {DEFAULT_MAPPING.digest, digest('missing_timestamp = "reject"')}
    assert digest(text) not in others


@pytest.mark.parametrize(
    ("template", "pieces"),
    [("a{b}c", [("a", False), ("b", True), ("c", False)]), ("{{{b}}}", [("{", False), ("b", True), ("}", False)]), ("{a b!x:y}", [("a b!x:y", True)])],
)  # fmt: skip
def test_pieces_of_templates(template: str, pieces: list[tuple[str, bool]]) -> None:
    """Braces enclose a column, doubled braces are braces, and nothing else is special."""
    assert list(template_pieces(template)) == pieces


@pytest.mark.parametrize("template", ["{", "}", "a{b", "a}b", "{}", "{a{b}}"])
def test_stray_braces_are_refused(template: str) -> None:
    """A template with a brace that has no partner is an error."""
    with pytest.raises(ValueError, match="brace"):
        list(template_pieces(template))
