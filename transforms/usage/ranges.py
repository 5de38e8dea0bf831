"""Ranges of time: many told as few, so that an index has few questions to answer."""

import polars as pl


def few_ranges(ranges: pl.DataFrame, *, most: int) -> pl.DataFrame:
    """At most so many ranges, from_at and until_at, that hold all of `ranges`: the widest gaps stay out."""
    ordered = ranges.sort("from_at").with_columns(reached=pl.col("until_at").cum_max().shift(1))
    gaps = ordered.with_columns(gap=pl.col("from_at") - pl.col("reached"))
    is_wide = pl.col("gap").rank("ordinal", descending=True) < most
    begins = (is_wide & (pl.col("gap") > pl.duration())).fill_null(value=False)
    numbered = gaps.with_columns(number=begins.cum_sum())
    return (
        numbered.group_by("number", maintain_order=True)
        .agg(pl.min("from_at"), pl.max("until_at"))
        .drop("number")
    )
