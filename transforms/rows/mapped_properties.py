"""Properties put together from cells, as the text of one JSON object."""

from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

import polars as pl

from schemas.documents.mapping import Constant, Property
from transforms.rows.cells import Cells, Kind, json_texts
from transforms.values.json import quote, write
from transforms.values.numbers import JSON_NUMBER

_NUMBER = rf"^{JSON_NUMBER}$"
_NONE = pl.lit(None, pl.String)


@dataclass(frozen=True)
class _Member:
    """A property to be: its JSON value (null where absent), where its cell does not fit, and the words for that."""

    name: str
    value: pl.Expr
    is_flawed: pl.Expr
    flaw: str = ""


def assemble_properties(
    cells: Cells,
    makings: MappingOf[str, Property | Constant],
    *,
    base: str | None = None,
    is_rest_taken: Callable[[str], bool] | None = None,
) -> pl.DataFrame:
    """``properties`` (a JSON object as String, null where absent), ``properties_flaw`` and ``properties_name`` (null: none).

    makings: by the property's name. base: a column of JSON objects to which they are added. is_rest_taken: which members
    of JSON rows that nobody asked for become properties too.
    """
    members = [_member(cells, name, making) for name, making in makings.items()]
    told = [pl.concat_str(pl.lit(f"{quote(member.name)}:"), member.value) for member in members]
    if is_rest_taken is not None and cells.rest is not None:
        told.append(pl.lit(_rest(cells.rest, is_rest_taken)))
    inside = pl.concat_str(*told, separator=",", ignore_nulls=True) if told else pl.lit("")
    own = pl.when(inside != "").then(pl.concat_str(pl.lit("{"), inside, pl.lit("}")))
    return cells.evaluate(
        {
            "properties": own if base is None else _joined(_none_if_null(cells.text(base)), inside, own),
            "properties_flaw": pl.coalesce(
                *(
                    pl.when(member.is_flawed).then(pl.lit(f"{quote(member.name)} {member.flaw}"))
                    for member in members
                ),
                _NONE,
            ),
            "properties_name": pl.coalesce(
                *(pl.when(member.is_flawed).then(pl.lit(member.name)) for member in members), _NONE
            ),
        }
    )


def _none_if_null(base: pl.Expr) -> pl.Expr:
    """A JSON null is absent."""
    return pl.when(base.str.strip_chars() != "null").then(base)


def _joined(base: pl.Expr, inside: pl.Expr, own: pl.Expr) -> pl.Expr:
    """The base's object with further members; a base that is no object stays, to be refused as it is."""
    is_object = base.str.contains(r"(?s)^\s*\{.*\}\s*$") & (inside != "")
    comma = pl.when(base.str.contains(r"^\s*\{\s*\}\s*$")).then(pl.lit("")).otherwise(pl.lit(","))
    opened = base.str.strip_chars().str.head(-1)
    both = pl.concat_str(opened, comma, inside, pl.lit("}"))
    return pl.when(base.is_null()).then(own).when(is_object).then(both).otherwise(base)


def _rest(rows: list[dict[str, object]], is_taken: Callable[[str], bool]) -> pl.Series:
    """The other members of each row, as the inside of a JSON object; null where there is none."""
    joined = (
        ",".join(f"{quote(name)}:{write(value)}" for name, value in row.items() if is_taken(name))
        for row in rows
    )
    return pl.Series([inside or None for inside in joined], dtype=pl.String)


def _member(cells: Cells, name: str, making: Property | Constant) -> _Member:
    if isinstance(making, Constant):
        return _Member(name=name, value=pl.lit(_constant(making)), is_flawed=pl.lit(False))
    text, column = cells.text(making.column), making.column
    is_number = text.str.contains(_NUMBER)
    if making.type == "number":
        is_fit = is_number & ~cells.is_kind(column, Kind.BOOLEAN)
        return _typed(name, text, value=text, is_fit=is_fit, flaw="is no number")
    if making.type == "boolean":
        is_fit = text.str.to_lowercase().is_in(["true", "false"])
        return _typed(
            name, text, value=text.str.to_lowercase(), is_fit=is_fit, flaw="is neither true nor false"
        )
    if making.type == "text":
        is_fit = ~cells.is_kind(column, Kind.OTHER)
        return _typed(name, text, value=json_texts(text), is_fit=is_fit, flaw="is a list")
    if not cells.is_typed:
        value = pl.when(is_number).then(text).otherwise(cells.json_text(column, where=~is_number))
        return _Member(name=name, value=value, is_flawed=pl.lit(False))
    is_text = cells.is_kind(column, Kind.TEXT)
    is_fit = is_number | ~cells.is_kind(column, Kind.NUMBER)
    value = pl.when(is_text).then(cells.json_text(column, where=is_text)).otherwise(text)
    return _typed(name, text, value=value, is_fit=is_fit, flaw="is no number that JSON knows")


def _typed(name: str, text: pl.Expr, *, value: pl.Expr, is_fit: pl.Expr, flaw: str) -> _Member:
    """A member that fits its type, or is shown as a text beside the flaw."""
    shown = pl.when(is_fit).then(value).otherwise(json_texts(pl.when(~is_fit).then(text)))
    return _Member(name=name, value=shown, is_flawed=text.is_not_null() & ~is_fit, flaw=flaw)


def _constant(making: Constant) -> str:
    value = making.value
    if isinstance(value, bool):
        return "true" if value else "false"
    return quote(value) if isinstance(value, str) else str(value)
