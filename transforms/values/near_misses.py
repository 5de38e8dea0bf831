"""Find ids that differ from a known one only by case, outer spaces or Unicode form."""

import unicodedata
from collections.abc import Iterable

import polars as pl


def near_misses(ids: Iterable[str], known: pl.Series) -> dict[str, str]:
    """Id → ``did you mean "…": differs by case`` for ids that differ from a known one only in writing."""
    wanted = pl.DataFrame({"id": sorted(set(ids))}, schema={"id": pl.String})
    held = pl.DataFrame({"known": known.drop_nulls().cast(pl.String)})
    pairs = wanted.with_columns(folded=_folded("id")).join(
        held.with_columns(folded=_folded("known")), on="folded"
    )
    near = pairs.filter(pl.col("id") != pl.col("known")).group_by("id").agg(pl.col("known").min())
    return {
        id_: f'did you mean "{other}": differs by {_difference(id_, other)}'
        for id_, other in near.iter_rows()
    }


def _folded(name: str) -> pl.Expr:
    return pl.col(name).str.normalize("NFKC").str.strip_chars().str.to_lowercase()


def _difference(one: str, other: str) -> str:
    """By what two ids differ that are the same once folded."""
    spaces = "outer spaces" if _outer_spaces(one) != _outer_spaces(other) else ""
    one, other = one.strip(), other.strip()
    if one == other:
        return spaces
    if one.lower() == other.lower():
        writing = "case"
    elif unicodedata.normalize("NFKC", one) == unicodedata.normalize("NFKC", other):
        writing = "Unicode form"
    else:
        writing = "case and Unicode form"
    return f"{spaces} and {writing}" if spaces else writing


def _outer_spaces(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
