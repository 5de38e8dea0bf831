"""A mapping from its TOML file, or one line that says what is wrong with it."""

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


def load_mapping(path: Path | None) -> Mapping:
    """The mapping a file holds; without a file, the one that takes columns by the names of the fields.

    Raises ConfigurationError, one line for the first thing wrong: the key, what it holds, and what is allowed.
    """
    if path is None:
        return DEFAULT_MAPPING
    try:
        mapping = Mapping.model_validate(_told(path))
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_problem(error.errors()[0])}") from None
    _check_zone(path, mapping)
    _check_timestamp(path, mapping)
    return mapping


def _told(path: Path) -> dict[str, Any]:
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
    """The zone is one of those that timestamps are read by, whatever else the machine knows."""
    try:
        zone_named(mapping.time_zone or "UTC")
    except ConfigurationError:
        raise ConfigurationError(
            f"{path}: time_zone: {mapping.time_zone!r} is no IANA time zone; allowed are names such as UTC or Europe/Berlin"
        ) from None


def _check_timestamp(path: Path, mapping: Mapping) -> None:
    """Units and formats belong to the timestamp, and to one of them at a time."""
    for name, making in (mapping.fields or {}).items():
        if not isinstance(making, Column):
            continue
        if name != "timestamp" and (making.unit or making.format):
            raise ConfigurationError(f"{path}: fields.{name}: unit and format are allowed for timestamp only")
        if making.unit and making.format is not None:
            raise ConfigurationError(f"{path}: fields.timestamp: unit or format is allowed, not both")
        problem = None if making.format is None else format_problem(making.format)
        if problem is not None:
            raise ConfigurationError(f"{path}: fields.timestamp.format: {making.format!r}: {problem}")


def _problem(error: ErrorDetails) -> str:
    """One line: the key, what it holds, and what was allowed."""
    key, kind, words = ".".join(_keys(error)), error["type"], _WORDS.get(error["type"], error["msg"])
    if kind == "extra_forbidden":
        return f"{key} is no key of a mapping; allowed here are {', '.join(_allowed(error))}"
    if kind == "literal_error" and error["loc"][-1] == "[key]":
        return f"{key} is no field; allowed are {error['ctx']['expected']}"
    if kind in {"missing", "making"}:
        return f"{key} {words}"
    told = repr(error["input"]) if isinstance(error["input"], str) else str(error["input"])
    shown = told if len(told) <= _SHOWN else told[:_SHOWN] + "…"
    if kind == "literal_error":
        also = " or a table of properties" if key == "properties" else ""
        words = f"is not allowed; allowed are {error['ctx']['expected']}{also}"
    return f"{key}: {shown} {words}"


_SHOWN = 60
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
    """The keys down to the error as they stand in the file, without pydantic's own signposts."""
    places = [str(place) for place in error["loc"]]
    if places[0] == "fields":
        return [place for index, place in enumerate(places) if index != 2 and place != "[key]"]
    if places[0] == "properties":
        return [place for index, place in enumerate(places[:5]) if index not in {1, 3}]
    return places


def _allowed(error: ErrorDetails) -> list[str]:
    """The keys that the table of an unknown one may have."""
    places = error["loc"]
    if places[0] == "fields":
        return list(_FIELD_MODELS[str(places[2])].model_fields)
    if places[0] == "properties":
        return list(_PROPERTY_MODELS[str(places[3])].model_fields)
    return list((_MODELS[str(places[0])] if len(places) > 1 else Mapping).model_fields)


_FIELD_MODELS: dict[str, type[BaseModel]] = {"value": Value, "column": Column, "template": Template}
_PROPERTY_MODELS: dict[str, type[BaseModel]] = {"column": Property, "value": Constant}
_MODELS: dict[str, type[BaseModel]] = {"version": Version, "deleted": Deleted}
