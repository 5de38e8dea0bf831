"""The type of every instant in a frame: UTC, in whole microseconds."""

from typing import Final

import polars as pl

INSTANT: Final = pl.Datetime("us", "UTC")
