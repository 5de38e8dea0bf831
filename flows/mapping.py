"""A mapping from its TOML file, or one line that says what is wrong with it."""

from pathlib import Path

from schemas.mapping import DEFAULT_MAPPING, Mapping


def load_mapping(path: Path | None) -> Mapping:
    """The mapping a file holds; without a file, the one that takes columns by the names of the fields."""
    if path is None:
        return DEFAULT_MAPPING
    raise NotImplementedError
