"""Find ids that differ from a known one only by case, outer spaces, Unicode form, or one character."""

import unicodedata
from collections.abc import Iterable
from typing import Final

import polars as pl

ASCII_SPACES: Final = "".join(character for character in map(chr, range(128)) if character.isspace())
"""The spaces that Python strips from a text in ASCII; polars knows other ones."""


MOST_MISSPELT: Final = 20
"""Ids without a near miss of which one character may be wrong, of many: each is compared with all known ids."""


def fold_id(id_: str) -> str:
    """Return an id without its case, outer spaces and Unicode form: two ids nearly match if these are equal."""
    return unicodedata.normalize("NFKC", id_).strip().casefold()


def fold_ids(ids: pl.Series) -> pl.Series:
    """Return the fold of each id; null stays null.

    For ASCII the rule comes down to stripping and lower case, which polars applies to the whole column. All other ids
    are folded one by one, since polars has no case folding (by which ß equals ss): 200,000 ids took 13 ms, and 101 ms if
    none of them was ASCII.
    """
    is_ascii = ids.str.len_bytes() == ids.str.len_chars()
    others = (~is_ascii).arg_true()
    folded = ids.str.strip_chars(ASCII_SPACES).str.to_lowercase()
    return folded.scatter(others, [fold_id(id_) for id_ in ids.gather(others)])


def near_misses(ids: Iterable[str], known: pl.Series) -> dict[str, str]:
    """Return ``did you mean "…": differs by case`` for each id that nearly matches a known one, by id: a hint, never a rule."""
    wanted = pl.DataFrame({"id": sorted(set(ids))}, schema={"id": pl.String})
    candidates = pl.DataFrame({"known": known.drop_nulls().cast(pl.String)})
    pairs = wanted.with_columns(folded=fold_ids(wanted["id"])).join(
        candidates.with_columns(folded=fold_ids(candidates["known"])), on="folded"
    )
    near = pairs.filter(pl.col("id") != pl.col("known")).group_by("id").agg(pl.col("known").min())
    hints = {
        id_: f'did you mean "{other}": differs by {_difference(id_, other)}'
        for id_, other in near.iter_rows()
    }
    for id_ in [id_ for id_ in wanted["id"] if id_ not in hints][:MOST_MISSPELT]:
        other = _one_edit_away(id_, candidates["known"])
        if other is not None:
            hints[id_] = f'did you mean "{other}": differs by one character'
    return hints


def _one_edit_away(id_: str, known: pl.Series) -> str | None:
    """Return a known id that one character more, less or other makes of this one.

    Digits count: ``meter-1`` is no misspelt ``meter-2``. Two such ids share the half before or the half after the edit.
    """
    half = len(id_) // 2
    if not half:
        return None
    shares_half = known.str.starts_with(id_[:half]) | known.str.ends_with(id_[half + 1 :])
    is_near = shares_half & known.str.len_chars().is_between(len(id_) - 1, len(id_) + 1)
    return min((other for other in known.filter(is_near) if _differs_by_one(id_, other)), default=None)


def _differs_by_one(one: str, other: str) -> bool:
    """Return whether two ids differ by one character that is no digit."""
    short, long = sorted((one, other), key=len)
    at = next((at for at, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    rest = short[at:] if len(short) < len(long) else short[at + 1 :]
    edited = long[at : at + 1] + (short[at : at + 1] if len(short) == len(long) else "")
    return rest == long[at + 1 :] and edited != "" and not any(map(str.isdigit, edited))


def _difference(one: str, other: str) -> str:
    """Return the ways in which two ids with one fold differ."""
    spaces = "outer spaces" if _outer_spaces(one) != _outer_spaces(other) else ""
    one, other = one.strip(), other.strip()
    if one == other:
        return spaces
    if one.casefold() == other.casefold():
        writing = "case"
    elif unicodedata.normalize("NFKC", one) == unicodedata.normalize("NFKC", other):
        writing = "Unicode form"
    else:
        writing = "case and Unicode form"
    return f"{spaces} and {writing}" if spaces else writing


def _outer_spaces(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
