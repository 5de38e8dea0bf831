"""Write cells of every format as texts that lose nothing, each with the kind of value it was."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

import polars as pl

from transforms.values.json import Number, parse, parse_sound, quote, write

Name = TypeVar("Name")

BLOCK_COLUMNS = 64
"""The columns in one query: the time and memory of a query grow with the square of its columns (measured)."""


def batched(names: Iterable[Name], size: int) -> Iterator[list[Name]]:
    """Yield the names in lists of at most ``size``."""
    every = list(names)
    return (every[at : at + size] for at in range(0, len(every), size))


class Kind(StrEnum):
    """The kind of value that a cell was in its source; ``OTHER`` is a list or the like, kept as JSON."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OTHER = "other"


@dataclass(frozen=True)
class Cells:
    """The cells of some rows.

    columns: name in the source → name in ``texts``; polars would read some names of sources as patterns.
    texts: String columns, null if a cell is null or empty, and one column for the height.
    kinds: name in the source → one kind for the whole column, or a kind per row.
    is_typed: whether the source distinguishes texts from numbers. rest: per row the members that were not wanted (JSON only).
    broken: place → the reason why a row's cells cannot be read.
    """

    columns: dict[str, str]
    texts: pl.DataFrame
    kinds: dict[str, Kind | pl.Series]
    is_typed: bool
    rest: list[dict[str, Any]] | None = None
    broken: dict[int, str] = field(default_factory=dict)

    def text(self, name: str) -> pl.Expr:
        """Return a column's cells; null if there is no such column."""
        return pl.col(self.columns[name]) if name in self.columns else pl.lit(None, pl.String)

    def is_kind(self, name: str, kind: Kind) -> pl.Expr:
        """Return whether a column's cells are of a kind."""
        kinds = self.kinds.get(name, Kind.TEXT)
        return pl.lit(kinds == kind) if isinstance(kinds, Kind) else pl.lit(kinds == kind.value)

    def json_text(self, name: str, *, where: pl.Expr) -> pl.Expr:
        """Return a column's cells as JSON strings if ``where`` holds, else null.

        Escaping is skipped for a column in which no cell needs it.
        """
        text = pl.when(where).then(self.text(name))
        if name in self.columns and self.series(name).str.contains(_ESCAPABLE).any():
            return json_texts(text)
        return pl.concat_str(pl.lit('"'), text, pl.lit('"'))

    def count(self, name: str) -> int:
        """Return the number of rows that have a cell in the column."""
        return len(self.texts) - self.series(name).null_count()

    def series(self, name: str) -> pl.Series:
        """Return a column's cells; takes the same time however many columns there are."""
        return self.texts.to_series(int(self.columns[name][1:]) + 1)

    def block(self, names: Iterable[str]) -> "Cells":
        """Return the cells of some columns only; names without a column are passed over."""
        kept = [name for name in dict.fromkeys(names) if name in self.columns]
        texts = pl.DataFrame([self.texts.to_series(0), *map(self.series, kept)])
        columns = {name: f"c{index}" for index, name in enumerate(kept)}
        texts.columns = ["height", *columns.values()]
        kinds = {name: self.kinds[name] for name in kept}
        return Cells(columns=columns, texts=texts, kinds=kinds, is_typed=self.is_typed)

    def evaluate(self, expressions: dict[str, pl.Expr]) -> pl.DataFrame:
        """Return one column per expression, as high as the cells; common parts of the expressions are computed once."""
        query = self.texts.lazy().with_columns(**expressions).select(list(expressions))
        return query.collect(engine="in-memory")

    def row_text(self, place: int) -> bytes:
        """Return a row as a JSON object, for a source whose rows have no text."""
        texts = self.texts.row(place, named=True)
        members: dict[str, Any] = {}
        for name, column in self.columns.items():
            text = texts[column]
            is_text = text is None or self.kinds[name] == Kind.TEXT or text in _NO_JSON
            members[name] = text if is_text else Number(text)
        return write(members).encode()


def text_cells(cells: pl.DataFrame) -> Cells:
    """Return the cells of CSV; every cell is a text."""
    return _cells({series.name: (series, Kind.TEXT) for series in cells}, height=len(cells), is_typed=False)


def native_cells(cells: pl.DataFrame) -> Cells:
    """Return the cells of Parquet: numbers by their exact or shortest decimal, instants in ISO 8601, structs as dotted columns."""
    broken: dict[int, str] = {}
    texts = {name: _native_text(name, series, broken) for name, series in _flattened(cells)}
    return _cells(texts, height=len(cells), is_typed=True, broken=broken)


def member_cells(raws: Sequence[bytes], *, wanted: Iterable[str]) -> Cells:
    """Return the wanted members of JSON rows that are sound or empty; the other members are in ``rest``, by name.

    A member of an object inside has a dotted name.
    """
    leaves = [_leaves_of(raw) for raw in raws]
    texts = {name: _member_column([row.pop(name, None) for row in leaves]) for name in dict.fromkeys(wanted)}
    return _cells(texts, height=len(leaves), is_typed=True, rest=leaves)


def json_texts(texts: pl.Expr) -> pl.Expr:
    """Return texts as JSON strings."""
    return pl.concat_str(pl.lit('"'), texts.str.replace_many(_ESCAPES), pl.lit('"'))


_NO_JSON = ("inf", "-inf", "NaN")
_ESCAPABLE = r'[\x00-\x1f"\\]'
_ESCAPES = {chr(code): f"\\u{code:04x}" for code in range(0x20)} | {'"': '\\"', "\\": "\\\\"}


def _cells(
    series: MappingOf[str, tuple[pl.Series, Kind | pl.Series]],
    *,
    height: int,
    is_typed: bool,
    rest: list[dict[str, Any]] | None = None,
    broken: dict[int, str] | None = None,
) -> Cells:
    columns = {name: f"c{index}" for index, name in enumerate(series)}
    texts = {columns[name]: texts for name, (texts, _) in series.items()}
    filled = [pl.repeat(None, height, dtype=pl.String, eager=True).alias("height")]
    for names in batched(texts, BLOCK_COLUMNS):
        some = pl.DataFrame({name: texts[name] for name in names})
        filled += some.select(pl.when(pl.col(name) != "").then(pl.col(name)) for name in names).get_columns()
    return Cells(
        columns=columns,
        texts=pl.DataFrame(filled),
        kinds={name: kind for name, (_, kind) in series.items()},
        is_typed=is_typed,
        rest=rest,
        broken=broken or {},
    )


def _member_column(values: list[Any]) -> tuple[pl.Series, pl.Series]:
    texts = [None if value is None else value if isinstance(value, str) else write(value) for value in values]
    return pl.Series(texts, dtype=pl.String), pl.Series(
        [_kind_of(value) for value in values], dtype=pl.String
    )


def _leaves_of(raw: bytes) -> dict[str, Any]:
    """Return the members of a sound row that are no objects, by dotted name; an empty row has none."""
    if len(raw) <= _SHORT_BYTES:
        return dict(_leaves(parse_sound(raw), "")) if raw else {}
    return dict(_leaves(parse(raw), ""))


_SHORT_BYTES = 4_000
"""The bytes of a row in which no whole number can be too long for Python to write."""


def _leaves(members: dict[str, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for name, value in members.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        elif value is not None and value != "":
            yield prefix + name, value


def _kind_of(value: Any) -> Kind:
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int | Number):
        return Kind.NUMBER
    return Kind.TEXT if value is None or isinstance(value, str) else Kind.OTHER


def _flattened(cells: pl.DataFrame) -> Iterable[tuple[str, pl.Series]]:
    for series in cells:
        if isinstance(series.dtype, pl.Struct):
            for name, member in _flattened(series.struct.unnest()):
                yield f"{series.name}.{name}", member
        else:
            yield series.name, series


def _native_text(name: str, series: pl.Series, broken: dict[int, str]) -> tuple[pl.Series, Kind]:
    """Return a native column as texts, and its kind."""
    dtype = series.dtype
    if dtype.is_float():
        return series.cast(pl.String).str.replace(r"\.0$", ""), Kind.NUMBER
    if dtype.is_numeric():
        return series.cast(pl.String), Kind.NUMBER
    if dtype == pl.Boolean:
        return series.cast(pl.String), Kind.BOOLEAN
    if dtype == pl.Binary:
        return _utf8(name, series, broken), Kind.TEXT
    if dtype.base_type() in _TEMPORAL:
        return _TEMPORAL[dtype.base_type()](series), Kind.TEXT
    if dtype in {pl.String, pl.Null} or isinstance(dtype, pl.Categorical | pl.Enum):
        return series.cast(pl.String), Kind.TEXT
    as_json = _map_as_json if _is_map(dtype) else _as_json
    return pl.Series([as_json(value) for value in series.to_list()], dtype=pl.String), Kind.OTHER


def _instant_texts(series: pl.Series) -> pl.Series:
    """Return instants in ISO 8601, in UTC and with ``Z`` if the column has a zone, else without."""
    dtype = series.dtype
    assert isinstance(dtype, pl.Datetime)  # noqa: S101 - chosen by type
    a_second = {"ms": 10**3, "us": 10**6, "ns": 10**9}[dtype.time_unit]
    form = "%Y-%m-%dT%H:%M:%S%.f"
    if dtype.time_zone is None:
        return _temporal_texts(series, form, _FIRST_SECOND * a_second, _END_SECOND * a_second)
    series = series.dt.convert_time_zone("UTC")
    return _temporal_texts(series, f"{form}Z", _FIRST_SECOND * a_second, _END_SECOND * a_second)


def _temporal_texts(series: pl.Series, form: str, first: int, end: int) -> pl.Series:
    """Return temporal values in a form, but their bare number outside of ``[first, end)``, at which polars panics."""
    number = series.to_physical().cast(pl.Int64)
    is_within = number.is_between(max(first, -(2**63)), min(end - 1, 2**63 - 1))
    frame = pl.DataFrame({"value": series, "number": number, "is_within": is_within})
    texts = frame.select(pl.when("is_within").then("value")).to_series().dt.strftime(form)
    return frame.select(pl.coalesce(pl.lit(texts), pl.col("number").cast(pl.String))).to_series()


_FIRST_SECOND, _END_SECOND = -62_135_596_800, 253_402_300_800
_A_DAY = 86_400
_TEMPORAL: dict[Any, Callable[[pl.Series], pl.Series]] = {
    pl.Datetime: _instant_texts,
    pl.Date: lambda series: _temporal_texts(
        series, "%Y-%m-%d", _FIRST_SECOND // _A_DAY, _END_SECOND // _A_DAY
    ),
    pl.Time: lambda series: _temporal_texts(series, "%H:%M:%S%.f", 0, _A_DAY * 10**9),
}


def _utf8(name: str, series: pl.Series, broken: dict[int, str]) -> pl.Series:
    texts: list[str | None] = []
    for place, value in enumerate(series):
        try:
            texts.append(None if value is None else value.decode())
        except UnicodeDecodeError as error:
            broken[place] = f"broken UTF-8 in column {quote(name)} at byte {error.start}"
            texts.append(None)
    return pl.Series(texts, dtype=pl.String)


def _is_map(dtype: pl.DataType) -> bool:
    """Return whether polars made a column of this type from a map of Parquet."""
    inner = dtype.inner if isinstance(dtype, pl.List) else None
    return isinstance(inner, pl.Struct) and [member.name for member in inner.fields] == ["key", "value"]


def _map_as_json(pairs: list[dict[str, Any]] | None) -> str | None:
    """Return a map as a JSON object without absent values."""
    if pairs is None:
        return None
    members = {str(pair["key"]): pair["value"] for pair in pairs if pair["value"] is not None}
    return "{" + ",".join(f"{quote(name)}:{_as_json(value)}" for name, value in members.items()) + "}"


def _as_json(value: Any) -> str | None:
    if isinstance(value, Decimal):
        return str(value)
    return None if value is None else json.dumps(value, default=str, ensure_ascii=False)
