"""What a source calls things, to what an event calls them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from schemas.documents.mapping import Column, Mapping, Property, Template, Value, template_pieces
from schemas.errors import ConfigurationError
from schemas.frames.chunk import Chunk
from schemas.frames.rows import FIELD_NAMES
from transforms.rows.cells import Cells, Kind, member_cells, native_cells, text_cells
from transforms.rows.json_events import COLUMNS, read_events
from transforms.rows.mapped_properties import assemble_properties
from transforms.values.json import quote

PROPERTIES_COLUMN, PROPERTIES_PREFIX = "properties", "properties."
"""By name: a column of JSON objects, and columns that hold one property each."""

_FIELDS = tuple(column for column in COLUMNS if column != "properties")
_BY_NAME = {column: list(dict.fromkeys((FIELD_NAMES[column], column))) for column in _FIELDS}
_COLUMNS_SHOWN = 20

_Making = Value | Column | Template


@dataclass(frozen=True)
class Fields:
    """The fields of a chunk's rows as texts, the unknown ones counted, and the untouched bytes of a row by its place."""

    rows: pl.DataFrame
    unknown: dict[str, int]
    raw: Callable[[int], bytes]


def map_fields(chunk: Chunk, *, mapping: Mapping, is_exact: bool = False) -> Fields:
    """One row per row of the chunk: every field as a String column, null where absent.

    Beside them ``malformed`` (why the row cannot be read), ``unfit`` (fields of a wrong type), ``version``, ``is_deleted``, and
    ``properties_flaw`` with ``properties_name`` where a property does not fit its type.
    Raises ConfigurationError where the mapping names a column that a table does not have.
    """
    unreadable = {place: bad.message for place, bad in chunk.malformed.items()}
    if chunk.cells is None:
        return _of_events(chunk.raws or [], unreadable=unreadable, mapping=mapping, is_exact=is_exact)
    cells = native_cells(chunk.cells) if chunk.raws is None else text_cells(chunk.cells)
    _refuse_missing_columns(cells, mapping)
    return Fields(
        rows=_of_table(cells, unreadable=cells.broken | unreadable, mapping=mapping),
        unknown={name: cells.count(name) for name in cells.columns if not is_used(name, mapping)},
        raw=cells.row_text if chunk.raws is None else chunk.raws.__getitem__,
    )


def is_used(name: str, mapping: Mapping) -> bool:
    """Whether a column of this name means anything; if not, it is an unknown field."""
    if mapping.properties == "rest" or name in _told_columns(mapping):
        return True
    if mapping.fields is None and any(name in names for names in _BY_NAME.values()):
        return True
    return mapping.properties is None and (name == PROPERTIES_COLUMN or name.startswith(PROPERTIES_PREFIX))


def _of_table(cells: Cells, *, unreadable: dict[int, str], mapping: Mapping) -> pl.DataFrame:
    malformed = pl.repeat(None, len(cells.texts), dtype=pl.String, eager=True)
    rows = malformed.scatter([*unreadable], [*unreadable.values()]).to_frame("malformed")
    return (
        rows.hstack(_fields(cells, mapping))
        .hstack(_properties(cells, mapping))
        .hstack(_marks(cells, mapping))
    )


def _of_events(raws: list[bytes], *, unreadable: dict[int, str], mapping: Mapping, is_exact: bool) -> Fields:
    """Of JSON: the event's own fields, and in their place what the mapping makes of its members."""
    rows, unknown = read_events(raws, unreadable=unreadable, is_exact=is_exact)
    if mapping.is_by_name:
        rows = rows.with_columns(version=pl.lit(None, pl.String), is_deleted=pl.lit(False))
        return Fields(rows=_without_flaws(rows), unknown=dict(unknown), raw=raws.__getitem__)
    readable = [raw if why is None else b"" for raw, why in zip(raws, rows["malformed"], strict=True)]
    cells = member_cells(readable, wanted=_told_columns(mapping))
    if mapping.fields is not None:
        rows = rows.with_columns(_fields(cells, mapping).get_columns())
    rows = (
        _without_flaws(rows)
        if mapping.properties is None
        else rows.with_columns(_properties(cells, mapping).get_columns())
    )
    names = Counter(name for row in cells.rest or () for name in row)
    unused = {name: count for name, count in names.items() if not is_used(name, mapping)}
    return Fields(rows=rows.hstack(_marks(cells, mapping)), unknown=unused, raw=raws.__getitem__)


def _without_flaws(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(properties_flaw=pl.lit(None, pl.String), properties_name=pl.lit(None, pl.String))


def _fields(cells: Cells, mapping: Mapping) -> pl.DataFrame:
    """The text fields, the timestamp, and which of them could not be made."""
    makings = {column: _makings(column, cells, mapping) for column in _FIELDS}
    texts = {
        column: pl.coalesce(*(_text(cells, making) for making in told), pl.lit(None, pl.String))
        for column, told in makings.items()
    }
    unmade = {column: _is_unmade(cells, told) for column, told in makings.items()}
    unfit = {column: unmade[column] | _is_list(cells, told) for column, told in makings.items()}
    unfit["timestamp"] = unmade["timestamp"]
    return cells.evaluate(texts | {"unfit": _named(unfit), "unmade": _named(unmade)})


def _named(truths: dict[str, pl.Expr]) -> pl.Expr:
    """The names of what is true, each between commas; null where nothing is."""
    names = (pl.when(is_true).then(pl.lit(f"{name},")) for name, is_true in truths.items())
    joined = pl.concat_str(pl.lit(""), *names, ignore_nulls=True)
    return pl.when(joined != "").then(pl.concat_str(pl.lit(","), joined))


def _makings(column: str, cells: Cells, mapping: Mapping) -> list[_Making]:
    """What a field is made of; of several the first that is there counts."""
    if mapping.fields is None:
        return [Column(column=name) for name in _BY_NAME[column] if name in cells.columns]
    told = {name: making for name, making in mapping.fields.items() if name == FIELD_NAMES[column]}
    return list(told.values())


def _text(cells: Cells, making: _Making) -> pl.Expr:
    if isinstance(making, Value):
        return pl.lit(making.value)
    if isinstance(making, Column):
        return cells.text(making.column)
    pieces = [
        cells.text(piece) if is_column else pl.lit(piece)
        for piece, is_column in template_pieces(making.template)
    ]
    return pl.concat_str(*pieces).fill_null(pl.lit(making.template))


def _is_unmade(cells: Cells, told: list[_Making]) -> pl.Expr:
    """A template over an absent column."""
    columns = [name for making in told if isinstance(making, Template) for name in _template_columns(making)]
    return pl.any_horizontal(pl.lit(False), *(cells.text(name).is_null() for name in columns))


def _is_list(cells: Cells, told: list[_Making]) -> pl.Expr:
    """A list, or the like, where a text is due."""
    columns = [making.column for making in told if isinstance(making, Column)]
    kinds = (
        pl.when(cells.text(name).is_not_null()).then(cells.is_kind(name, Kind.OTHER)) for name in columns
    )
    return pl.coalesce(*kinds, pl.lit(False))


def _properties(cells: Cells, mapping: Mapping) -> pl.DataFrame:
    if mapping.properties is None:
        prefix = len(PROPERTIES_PREFIX)
        members = {name[prefix:]: name for name in cells.columns if name.startswith(PROPERTIES_PREFIX)}
        told = {name: Property(column=column) for name, column in members.items()}
        return assemble_properties(
            cells, told, base=PROPERTIES_COLUMN if PROPERTIES_COLUMN in cells.columns else None
        )
    if mapping.properties != "rest":
        return assemble_properties(cells, mapping.properties)
    is_named = mapping.model_copy(update={"properties": {}})
    columns = [name for name in cells.columns if not is_used(name, is_named)]
    return assemble_properties(
        cells,
        {name: Property(column=name) for name in columns},
        is_rest_taken=lru_cache(lambda name: not is_used(name, is_named)),
    )


def _marks(cells: Cells, mapping: Mapping) -> pl.DataFrame:
    """The source's own version, and whether it says that the event is deleted."""
    version, deleted = mapping.version, mapping.deleted
    is_deleted = pl.lit(False) if deleted is None else cells.text(deleted.column) == deleted.equals
    return cells.evaluate(
        {
            "version": pl.lit(None, pl.String) if version is None else cells.text(version.column),
            "is_deleted": is_deleted.fill_null(False),
        }
    )


def _told_columns(mapping: Mapping) -> list[str]:
    """The columns that the mapping names, in its order."""
    told: list[str] = []
    for making in (mapping.fields or {}).values():
        if isinstance(making, Column):
            told.append(making.column)
        elif isinstance(making, Template):
            told += _template_columns(making)
    if isinstance(mapping.properties, dict):
        told += [making.column for making in mapping.properties.values() if isinstance(making, Property)]
    told += [part.column for part in (mapping.version, mapping.deleted) if part is not None]
    return list(dict.fromkeys(told))


def _template_columns(making: Template) -> list[str]:
    return [piece for piece, is_column in template_pieces(making.template) if is_column]


def _refuse_missing_columns(cells: Cells, mapping: Mapping) -> None:
    for name in _told_columns(mapping):
        if name not in cells.columns:
            shown = ", ".join(quote(column) for column in list(cells.columns)[:_COLUMNS_SHOWN])
            more = (
                ""
                if len(cells.columns) <= _COLUMNS_SHOWN
                else f" and {len(cells.columns) - _COLUMNS_SHOWN} more"
            )
            raise ConfigurationError(
                f"the mapping names column {quote(name)}, which is not there; there are {shown}{more}"
            )
