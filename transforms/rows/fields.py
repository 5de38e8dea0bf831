"""Read the fields of a chunk's rows: columns or JSON members, by their names or as a mapping says."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

import polars as pl

from schemas.documents.mapping import Column, FieldSource, Mapping, Property, Template, Value, template_pieces
from schemas.errors import ConfigurationError
from schemas.frames.chunk import Chunk
from schemas.frames.rows import EVENT_COLUMNS, FIELD_NAMES
from transforms.rows.cells import Cells, Kind, member_cells, native_cells, text_cells
from transforms.rows.invalid_fields import names_where
from transforms.rows.json_events import read_events
from transforms.rows.mapped_properties import assemble_properties
from transforms.values.json import quote
from transforms.values.near_misses import fold_id

PROPERTIES_COLUMN, PROPERTIES_PREFIX = "properties", "properties."
"""By name: a column of JSON objects, and the columns that hold one property each."""

_FIELDS = tuple(column for column in EVENT_COLUMNS if column != "properties")
_SPELLINGS = {column: list(dict.fromkeys((FIELD_NAMES[column], column))) for column in _FIELDS}
_COLUMNS_SHOWN = 20
_DATA = re.compile(r"-?[0-9][0-9.,]*|[0-9]{4}-[0-9]{2}-[0-9]{2}.*")
"""The name of a column that is a number or begins with a date."""


@dataclass(frozen=True)
class Fields:
    """The fields of a chunk's rows, the unknown fields counted by name, and the untouched bytes of a row by its place.

    rows: the columns ``READ``; ``version`` String and ``is_deleted`` Boolean; ``properties_flaw`` and ``properties_name``
    String, null unless a property does not fit the type that the mapping gives it.
    """

    rows: pl.DataFrame
    unknown: dict[str, int]
    mapped: dict[str, int]
    """The rows of JSON that have each member that the mapping reads; empty for tables, which have their columns anyway."""
    raw: Callable[[int], bytes]


def map_fields(chunk: Chunk, *, mapping: Mapping, is_exact: bool = False) -> Fields:
    """Read the fields of every row of a chunk.

    Raises ConfigurationError if the mapping names a column that a table does not have.
    """
    unreadable = {place: bad.message for place, bad in chunk.malformed.items()}
    if chunk.cells is None:
        return _fields_of_json(chunk.raws or [], unreadable=unreadable, mapping=mapping, is_exact=is_exact)
    cells = native_cells(chunk.cells) if chunk.raws is None else text_cells(chunk.cells)
    _refuse_missing_columns(cells, mapping)
    is_used = used_by(mapping)
    return Fields(
        rows=_rows_of_table(cells, unreadable=cells.broken | unreadable, mapping=mapping),
        unknown={name: cells.count(name) for name in cells.columns if not is_used(name)},
        mapped={},
        raw=cells.row_text if chunk.raws is None else chunk.raws.__getitem__,
    )


def used_by(mapping: Mapping) -> Callable[[str], bool]:
    """Return whether a column of a name has a meaning, as a function; without one it is an unknown field."""
    mapped = frozenset(_mapped_columns(mapping))
    is_all_used = mapping.properties == "rest"
    spellings = frozenset(chain.from_iterable(_SPELLINGS.values()) if mapping.fields is None else ())

    def is_used(name: str) -> bool:
        if is_all_used or name in mapped or name in spellings:
            return True
        return mapping.properties is None and (
            name == PROPERTIES_COLUMN or name.startswith(PROPERTIES_PREFIX)
        )

    return is_used


def _rows_of_table(cells: Cells, *, unreadable: dict[int, str], mapping: Mapping) -> pl.DataFrame:
    malformed = pl.repeat(None, len(cells.texts), dtype=pl.String, eager=True)
    rows = malformed.scatter([*unreadable], [*unreadable.values()]).to_frame("malformed")
    return (
        rows.hstack(_fields(cells, mapping))
        .hstack(_properties(cells, mapping))
        .hstack(_version_and_deletion(cells, mapping))
    )


def _fields_of_json(
    raws: list[bytes], *, unreadable: dict[int, str], mapping: Mapping, is_exact: bool
) -> Fields:
    """Read the event's own fields, then replace those that the mapping makes of other members."""
    rows, unknown = read_events(raws, unreadable=unreadable, is_exact=is_exact)
    if mapping.is_by_name:
        rows = rows.with_columns(version=pl.lit(None, pl.String), is_deleted=pl.lit(False))
        return Fields(rows=_without_flaws(rows), unknown=dict(unknown), mapped={}, raw=raws.__getitem__)
    readable = [raw if why is None else b"" for raw, why in zip(raws, rows["malformed"], strict=True)]
    cells = member_cells(readable, wanted=_mapped_columns(mapping))
    if mapping.fields is not None:
        rows = rows.with_columns(_fields(cells, mapping).get_columns())
    rows = (
        _without_flaws(rows)
        if mapping.properties is None
        else rows.with_columns(_properties(cells, mapping).get_columns())
    )
    names = Counter(name for row in cells.rest or () for name in row)
    is_used = used_by(mapping)
    return Fields(
        rows=rows.hstack(_version_and_deletion(cells, mapping)),
        unknown={name: count for name, count in names.items() if not is_used(name)},
        mapped={name: cells.count(name) for name in _expected_columns(mapping)},
        raw=raws.__getitem__,
    )


def _without_flaws(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(properties_flaw=pl.lit(None, pl.String), properties_name=pl.lit(None, pl.String))


def _fields(cells: Cells, mapping: Mapping) -> pl.DataFrame:
    """Return the text fields and the timestamp, with ``invalid_fields`` and ``incomplete_fields``."""
    sources = {column: _field_sources(column, cells, mapping) for column in _FIELDS}
    texts = {
        column: pl.coalesce(*(_text(cells, source) for source in candidates), pl.lit(None, pl.String))
        for column, candidates in sources.items()
    }
    is_incomplete = {column: _is_incomplete(cells, candidates) for column, candidates in sources.items()}
    is_invalid = {
        column: is_incomplete[column] | _is_list(cells, candidates) for column, candidates in sources.items()
    }
    is_invalid["timestamp"] = is_incomplete["timestamp"]
    names = {"invalid_fields": names_where(is_invalid), "incomplete_fields": names_where(is_incomplete)}
    return cells.evaluate(texts | names)


def _field_sources(column: str, cells: Cells, mapping: Mapping) -> list[FieldSource]:
    """Return the sources of a field; the first that has a text counts."""
    if mapping.fields is None:
        return [Column(column=name) for name in _SPELLINGS[column] if name in cells.columns]
    return [source for name, source in mapping.fields.items() if name == FIELD_NAMES[column]]


def _text(cells: Cells, source: FieldSource) -> pl.Expr:
    if isinstance(source, Value):
        return pl.lit(source.value)
    if isinstance(source, Column):
        return cells.text(source.column)
    pieces = [
        cells.text(piece) if is_column else pl.lit(piece)
        for piece, is_column in template_pieces(source.template)
    ]
    return pl.concat_str(*pieces).fill_null(pl.lit(source.template))


def _is_incomplete(cells: Cells, sources: list[FieldSource]) -> pl.Expr:
    """Return whether a template names a column that is absent in the row."""
    columns = [
        name for source in sources if isinstance(source, Template) for name in _template_columns(source)
    ]
    return pl.any_horizontal(pl.lit(False), *(cells.text(name).is_null() for name in columns))


def _is_list(cells: Cells, sources: list[FieldSource]) -> pl.Expr:
    """Return whether the cell that counts is a list or the like, and so no text."""
    columns = [source.column for source in sources if isinstance(source, Column)]
    kinds = (
        pl.when(cells.text(name).is_not_null()).then(cells.is_kind(name, Kind.OTHER)) for name in columns
    )
    return pl.coalesce(*kinds, pl.lit(False))


def _properties(cells: Cells, mapping: Mapping) -> pl.DataFrame:
    if mapping.properties is None:
        prefix = len(PROPERTIES_PREFIX)
        sources = {
            name[prefix:]: Property(column=name)
            for name in cells.columns
            if name.startswith(PROPERTIES_PREFIX)
        }
        base = PROPERTIES_COLUMN if PROPERTIES_COLUMN in cells.columns else None
        return assemble_properties(cells, sources, base=base)
    if mapping.properties != "rest":
        return assemble_properties(cells, mapping.properties)
    is_used = used_by(mapping.model_copy(update={"properties": {}}))
    columns = [name for name in cells.columns if not is_used(name)]
    return assemble_properties(
        cells, {name: Property(column=name) for name in columns}, is_rest_taken=lambda name: not is_used(name)
    )


def _version_and_deletion(cells: Cells, mapping: Mapping) -> pl.DataFrame:
    """Return the source's own ``version``, and whether the source says that the event ``is_deleted``."""
    version, deleted = mapping.version, mapping.deleted
    is_deleted = pl.lit(False) if deleted is None else cells.text(deleted.column) == deleted.equals
    return cells.evaluate(
        {
            "version": pl.lit(None, pl.String) if version is None else cells.text(version.column),
            "is_deleted": is_deleted.fill_null(False),
        }
    )


def _mapped_columns(mapping: Mapping) -> list[str]:
    """Return the columns that the mapping names, in its order."""
    columns: list[str] = []
    for source in (mapping.fields or {}).values():
        if isinstance(source, Column):
            columns.append(source.column)
        elif isinstance(source, Template):
            columns += _template_columns(source)
    if isinstance(mapping.properties, dict):
        columns += [source.column for source in mapping.properties.values() if isinstance(source, Property)]
    columns += [part.column for part in (mapping.version, mapping.deleted) if part is not None]
    return list(dict.fromkeys(columns))


def _expected_columns(mapping: Mapping) -> list[str]:
    """Return the columns of which some row of a file has one; deletions may be rare."""
    return [
        name for name in _mapped_columns(mapping) if mapping.deleted is None or name != mapping.deleted.column
    ]


def _template_columns(template: Template) -> list[str]:
    return [piece for piece, is_column in template_pieces(template.template) if is_column]


def _refuse_missing_columns(cells: Cells, mapping: Mapping) -> None:
    """Raise ConfigurationError if a table lacks a column that the mapping names, or without one the name of the event."""
    if mapping.fields is None and not any(name in cells.columns for name in _SPELLINGS["event_name"]):
        raise ConfigurationError(_no_event_fields(list(cells.columns)))
    missing = next((name for name in _mapped_columns(mapping) if name not in cells.columns), None)
    if missing is not None:
        near = next((name for name in cells.columns if fold_id(name) == fold_id(missing)), None)
        hint = "" if near is None else f"; did you mean {quote(near)}?"
        raise ConfigurationError(
            f"the mapping names column {quote(missing)}, which is not there; there are {_shown(list(cells.columns))}{hint}"
        )


def _no_event_fields(columns: list[str]) -> str:
    """Return why columns cannot be read by name, with the likely cause."""
    known = {fold_id(spelling): name for name, spellings in _SPELLINGS.items() for spelling in spellings}
    near = [
        f"{quote(name)} for {FIELD_NAMES[known[fold_id(name)]]}" for name in columns if fold_id(name) in known
    ]
    if any(_DATA.fullmatch(name) for name in columns):
        cause = "the first row looks like data, and has to be a header"
    elif near:
        cause = f"names are matched exactly: {', '.join(near)}"
    else:
        cause = "say what they are with --mapping"
    return f"there is no column eventName, and the columns {_shown(columns)} are no event fields by themselves; {cause}"


def _shown(columns: list[str]) -> str:
    more = len(columns) - _COLUMNS_SHOWN
    return ", ".join(map(quote, columns[:_COLUMNS_SHOWN])) + (f" and {more} more" if more > 0 else "")
