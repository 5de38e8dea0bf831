"""Assemble the properties of events from cells, as the text of one JSON object."""

from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

import polars as pl

from schemas.documents.mapping import Constant, Property
from transforms.rows.cells import BLOCK_COLUMNS, Cells, Kind, batched, json_texts
from transforms.values.json import quote, write
from transforms.values.numbers import JSON_NUMBER, PLAIN_NUMBER

_NUMBER = rf"^(?:{JSON_NUMBER})$"
_PLAIN_NUMBER = rf"^(?:{PLAIN_NUMBER})$"
_NONE = pl.lit(None, pl.String)


@dataclass(frozen=True)
class _Member:
    """A property: its JSON value (null if absent), whether its cell does not fit its type, and the words for that."""

    name: str
    value: pl.Expr
    is_flawed: pl.Expr
    flaw: str = ""


def assemble_properties(
    cells: Cells,
    sources: MappingOf[str, Property | Constant],
    *,
    base: str | None = None,
    is_rest_taken: Callable[[str], bool] | None = None,
) -> pl.DataFrame:
    """Return ``properties`` (a JSON object as String, null if absent), ``properties_flaw`` and ``properties_name`` (null: none).

    sources: by the property's name. base: a column of JSON objects to which the properties are added. is_rest_taken:
    whether another member of a JSON row, given its name, becomes a property too.
    """
    blocks = [
        _block(cells, {name: sources[name] for name in names}) for names in batched(sources, BLOCK_COLUMNS)
    ]
    inner = [block.to_series(0) for block in blocks]
    if is_rest_taken is not None and cells.rest is not None:
        inner.append(_rest(cells.rest, is_rest_taken))
    inside = pl.concat_str(*map(pl.lit, inner), separator=",", ignore_nulls=True) if inner else pl.lit("")
    own = pl.when(inside != "").then(pl.concat_str(pl.lit("{"), inside, pl.lit("}")))
    first = (pl.coalesce(*(pl.lit(block.to_series(index)) for block in blocks), _NONE) for index in (1, 2))
    return cells.evaluate(
        {
            "properties": own if base is None else _joined(_none_if_null(cells.text(base)), inside, own),
            "properties_flaw": next(first),
            "properties_name": next(first),
        }
    )


def _block(cells: Cells, sources: MappingOf[str, Property | Constant]) -> pl.DataFrame:
    """Return the properties of a few sources as the inside of a JSON object, with the first flaw and its property's name."""
    some = cells.block(source.column for source in sources.values() if isinstance(source, Property))
    members = [_member(some, name, source) for name, source in sources.items()]
    texts = [pl.concat_str(pl.lit(f"{quote(member.name)}:"), member.value) for member in members]
    flaws = [
        (member.is_flawed, f"{quote(member.name)} {member.flaw}", member.name)
        for member in members
        if member.flaw
    ]
    inside = pl.concat_str(*texts, separator=",", ignore_nulls=True)
    return some.evaluate(
        {
            "inside": pl.when(inside != "").then(inside),
            "flaw": pl.coalesce(
                *(pl.when(is_flawed).then(pl.lit(words)) for is_flawed, words, _ in flaws), _NONE
            ),
            "name": pl.coalesce(
                *(pl.when(is_flawed).then(pl.lit(name)) for is_flawed, _, name in flaws), _NONE
            ),
        }
    )


def _none_if_null(base: pl.Expr) -> pl.Expr:
    """Take a JSON null as absent."""
    return pl.when(base.str.strip_chars() != "null").then(base)


def _joined(base: pl.Expr, inside: pl.Expr, own: pl.Expr) -> pl.Expr:
    """Add members to the base's object; a base that is no object stays as it is, to be rejected later."""
    is_object = base.str.contains(r"(?s)^\s*\{.*\}\s*$") & (inside != "")
    comma = pl.when(base.str.contains(r"^\s*\{\s*\}\s*$")).then(pl.lit("")).otherwise(pl.lit(","))
    opened = base.str.strip_chars().str.head(-1)
    both = pl.concat_str(opened, comma, inside, pl.lit("}"))
    return pl.when(base.is_null()).then(own).when(is_object).then(both).otherwise(base)


def _rest(rows: list[dict[str, object]], is_taken: Callable[[str], bool]) -> pl.Series:
    """Return the other members of each row, as the inside of a JSON object; null if there are none."""
    joined = (
        ",".join(f"{quote(name)}:{write(value)}" for name, value in row.items() if is_taken(name))
        for row in rows
    )
    return pl.Series([inside or None for inside in joined], dtype=pl.String)


def _member(cells: Cells, name: str, source: Property | Constant) -> _Member:
    if isinstance(source, Constant):
        return _Member(name=name, value=pl.lit(_constant(source)), is_flawed=pl.lit(False))
    text, column = cells.text(source.column), source.column
    is_number = text.str.contains(_NUMBER)
    if source.type == "number":
        fits = is_number & ~cells.is_kind(column, Kind.BOOLEAN)
        return _typed(name, text, value=text, fits=fits, flaw="is no number")
    if source.type == "boolean":
        fits = text.str.to_lowercase().is_in(["true", "false"])
        return _typed(name, text, value=text.str.to_lowercase(), fits=fits, flaw="is neither true nor false")
    if source.type == "text":
        fits = ~cells.is_kind(column, Kind.OTHER)
        return _typed(name, text, value=json_texts(text), fits=fits, flaw="is a list")
    if not cells.is_typed:
        is_plain = text.str.contains(_PLAIN_NUMBER)
        value = pl.when(is_plain).then(text).otherwise(cells.json_text(column, where=~is_plain))
        return _Member(name=name, value=value, is_flawed=pl.lit(False))
    is_text = cells.is_kind(column, Kind.TEXT)
    fits = is_number | ~cells.is_kind(column, Kind.NUMBER)
    value = pl.when(is_text).then(cells.json_text(column, where=is_text)).otherwise(text)
    return _typed(name, text, value=value, fits=fits, flaw="is no number that JSON knows")


def _typed(name: str, text: pl.Expr, *, value: pl.Expr, fits: pl.Expr, flaw: str) -> _Member:
    """Return a member whose cell fits its type, or else is a JSON text, for the rejection to show."""
    json_value = pl.when(fits).then(value).otherwise(json_texts(pl.when(~fits).then(text)))
    return _Member(name=name, value=json_value, is_flawed=text.is_not_null() & ~fits, flaw=flaw)


def _constant(source: Constant) -> str:
    value = source.value
    if isinstance(value, bool):
        return "true" if value else "false"
    return quote(value) if isinstance(value, str) else str(value)
