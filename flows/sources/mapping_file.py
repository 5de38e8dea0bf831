"""Read a mapping from its TOML file, or say in one line what is wrong with the file."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.documents.mapping import (
    DEFAULT_MAPPING,
    Column,
    Constant,
    Deleted,
    Mapping,
    Property,
    Template,
    Value,
    Version,
)
from schemas.errors import ConfigurationError
from transforms.rows.timestamps import format_problem
from transforms.values.days import zone_named
from transforms.values.text import cut


def load_mapping(path: Path | None) -> Mapping:
    """Read a mapping file; without a path return the mapping that takes columns by the names of the fields.

    Raises ConfigurationError for the first error, in one line: the key, its value, and the allowed values.
    """
    if path is None:
        return DEFAULT_MAPPING
    try:
        mapping = Mapping.model_validate(_read_toml(path))
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_problem(error.errors()[0])}") from None
    _check_zone(path, mapping)
    _check_timestamp(path, mapping)
    return mapping


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {(error.strerror or str(error)).lower()}; give a mapping file to read"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: broken UTF-8 at byte {error.start}; a mapping is TOML in UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        words = str(error)
        raise ConfigurationError(f"{path}: not TOML: {words[0].lower()}{words[1:]}") from None


def _check_zone(path: Path, mapping: Mapping) -> None:
    """Refuse a zone that is not among the pinned ones by which timestamps are read."""
    try:
        zone_named(mapping.time_zone or "UTC")
    except ConfigurationError:
        raise ConfigurationError(
            f"{path}: time_zone: {mapping.time_zone!r} is no IANA time zone; allowed are names such as UTC or Europe/Berlin"
        ) from None


def _check_timestamp(path: Path, mapping: Mapping) -> None:
    """Refuse a unit or a format of another field, and both of them at once."""
    for name, source in (mapping.fields or {}).items():
        if not isinstance(source, Column):
            continue
        if name != "timestamp" and (source.unit or source.format):
            raise ConfigurationError(f"{path}: fields.{name}: unit and format are allowed for timestamp only")
        if source.unit and source.format is not None:
            raise ConfigurationError(f"{path}: fields.timestamp: unit or format is allowed, not both")
        problem = None if source.format is None else format_problem(source.format)
        if problem is not None:
            raise ConfigurationError(f"{path}: fields.timestamp.format: {source.format!r}: {problem}")


def _problem(error: ErrorDetails) -> str:
    """Return one line with the key, its value, and the allowed values."""
    key, kind, words = ".".join(_keys(error)), error["type"], _WORDS.get(error["type"], error["msg"])
    if kind == "extra_forbidden":
        return f"{key} is no key of a mapping; allowed here are {', '.join(_allowed(error))}"
    if kind == "literal_error" and error["loc"][-1] == "[key]":
        return f"{key} is no field; allowed are {error['ctx']['expected']}"
    if kind in {"missing", "source"}:
        return f"{key} {words}"
    value = repr(error["input"]) if isinstance(error["input"], str) else str(error["input"])
    if kind == "literal_error":
        also = " or a table of properties" if key == "properties" else ""
        words = f"is not allowed; allowed are {error['ctx']['expected']}{also}"
    return f"{key}: {cut(value, _VALUE_SHOWN)} {words}"


_VALUE_SHOWN = 60
_WORDS = {
    "missing": "is missing",
    "string_type": "is no text; write it in quotes",
    "string_too_short": "must not be empty",
    "datetime_type": "is no instant; write one with an offset, as in 2020-01-01T00:00:00Z",
    "dict_type": "must be a table of keys",
    "model_type": "must be a table of keys",
    "bool_type": "is neither a text nor a number nor true or false",
}


def _keys(error: ErrorDetails) -> list[str]:
    """Return the keys from the top of the file down to the error, without those that pydantic adds."""
    places = [str(place) for place in error["loc"]]
    if places[0] == "fields":
        return [place for index, place in enumerate(places) if index != 2 and place != "[key]"]
    if places[0] == "properties":
        return [place for index, place in enumerate(places[:5]) if index not in {1, 3}]
    return places


def _allowed(error: ErrorDetails) -> list[str]:
    """Return the keys that are allowed beside an unknown one."""
    places = error["loc"]
    if places[0] == "fields":
        return list(_FIELD_MODELS[str(places[2])].model_fields)
    if places[0] == "properties":
        return list(_PROPERTY_MODELS[str(places[3])].model_fields)
    return list((_MODELS[str(places[0])] if len(places) > 1 else Mapping).model_fields)


_FIELD_MODELS: dict[str, type[BaseModel]] = {"value": Value, "column": Column, "template": Template}
_PROPERTY_MODELS: dict[str, type[BaseModel]] = {"column": Property, "value": Constant}
_MODELS: dict[str, type[BaseModel]] = {"version": Version, "deleted": Deleted}
