"""Merge many ranges of time into few, so that an index is scanned few times."""

import polars as pl


def few_ranges(ranges: pl.DataFrame, *, most: int) -> pl.DataFrame:
    """Return at most `most` ranges (from_at, until_at) that contain all of `ranges` and leave out the widest gaps between them."""
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
