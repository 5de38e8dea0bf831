"""Count what a ledger shows besides the outcomes of rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from transforms.rows.fields import Fields
from transforms.values.text import excerpt

UNKNOWN_FIELDS_COUNTED = 100
"""Unknown fields counted by name; the first in order of code points, so that merging chunks in any order agrees."""

OTHER_FIELDS = "…"
"""The name under which all other unknown fields are counted together."""


@dataclass(frozen=True)
class SiftCounts:
    """The counts of a chunk: unknown fields over all readable rows, special timestamps over accepted rows."""

    unknown_fields: dict[str, int] = field(default_factory=dict)
    defaulted_timestamps: int = 0
    doubled_local_times: int = 0
    before_2000: int = 0


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


def counts_of(accepted: pl.DataFrame, fields: Fields) -> SiftCounts:
    """Return the unknown fields of a chunk and the special timestamps of its accepted rows, counted."""
    numbers = accepted.select(
        defaulted=pl.col("is_timestamp_omitted").sum(),
        doubled=pl.col("is_doubled").sum(),
        before_2000=(pl.col("at").dt.year() < 2000).sum(),
    ).row(0)
    return SiftCounts(bounded_counts([fields.unknown]), *map(int, numbers))
