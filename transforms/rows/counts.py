"""Count what a ledger shows besides the outcomes of rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from schemas.documents.mapping import Mapping
from transforms.rows.fields import Fields
from transforms.rows.normalise import timestamp_form
from transforms.rows.timestamps import read_instants
from transforms.values.text import excerpt

UNKNOWN_FIELDS_COUNTED = 100
"""Unknown fields counted by name; the first in order of code points, so that merging chunks in any order agrees."""

OTHER_FIELDS = "…"
"""The name under which all other unknown fields are counted together."""


@dataclass(frozen=True)
class SiftCounts:
    """The counts of a chunk: unknown fields and mapped members over all readable rows, timestamps over accepted rows.

    times: the first and the last timestamp, omitted ones aside. swapped_times: the same with day and month exchanged, if
    every one reads that way too.
    """

    unknown_fields: dict[str, int] = field(default_factory=dict)
    mapped_members: dict[str, int] = field(default_factory=dict)
    defaulted_timestamps: int = 0
    doubled_local_times: int = 0
    before_2000: int = 0
    times: tuple[str, str] | None = None
    swapped_times: tuple[str, str] | None = None


def bounded_counts(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Return the sums of counts by name, with the names beyond ``UNKNOWN_FIELDS_COUNTED`` under ``OTHER_FIELDS``."""
    total: dict[str, int] = {}
    for count in counts:
        for name, number in count.items():
            total[excerpt(name)] = total.get(excerpt(name), 0) + number
    names = sorted(name for name, number in total.items() if number and name != OTHER_FIELDS)
    kept = {name: total[name] for name in names[:UNKNOWN_FIELDS_COUNTED]}
    other = sum(total.values()) - sum(kept.values())
    return kept | ({OTHER_FIELDS: other} if other else {})


def counts_of(accepted: pl.DataFrame, fields: Fields, mapping: Mapping) -> SiftCounts:
    """Return the counts of a chunk; accepted: its accepted rows with their ``timestamp`` as text."""
    defaulted, doubled, before_2000 = accepted.select(
        pl.col("is_timestamp_omitted").sum(),
        pl.col("is_doubled").sum(),
        before_2000=(pl.col("at").dt.year() < 2000).sum(),
    ).row(0)
    stated = accepted.filter(~pl.col("is_timestamp_omitted"))
    return SiftCounts(
        unknown_fields=bounded_counts([fields.unknown]),
        mapped_members=fields.mapped,
        defaulted_timestamps=int(defaulted),
        doubled_local_times=int(doubled),
        before_2000=int(before_2000),
        times=_span(stated["at"]),
        swapped_times=_swapped_span(stated["timestamp"], mapping),
    )


def _span(at: pl.Series) -> tuple[str, str] | None:
    first, last = at.min(), at.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return None
    return first.isoformat(), last.isoformat()


def _swapped_span(texts: pl.Series, mapping: Mapping) -> tuple[str, str] | None:
    """Return the span of timestamps with day and month exchanged, or None unless all of them read that way."""
    form = timestamp_form(mapping)
    if form.format is None or not len(texts) or not ("%d" in form.format and "%m" in form.format):
        return None
    swapped = form.format.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
    at = read_instants(texts, replace(form, format=swapped))["at"]
    return None if at.null_count() else _span(at)
