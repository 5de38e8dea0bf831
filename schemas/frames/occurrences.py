"""The frames of deduplication: the occurrences of contested keys, and the outcome of each."""

from typing import Final

import polars as pl

from schemas.frames.instant import INSTANT

OCCURRENCES: Final = pl.Schema(
    {
        "key": pl.String(),
        "file_id": pl.Int32(),
        "row": pl.Int64(),
        "is_existing": pl.Boolean(),
        "place_file_id": pl.Int32(),
        "place_row": pl.Int64(),
        "record_version": pl.String(),
        "at": INSTANT,
        "is_timestamp_omitted": pl.Boolean(),
        "content": pl.Int64(),
    }
)
"""One row per occurrence of a contested key: a row of the import, or the event that has the key already (``is_existing``).

``place_file_id``, ``place_row``: the place that orders the occurrence; for an event that of its latest duplicate.
``record_version``: a decimal number as text, or null. ``content``: equal for two occurrences of a key if their content is.
"""

OUTCOMES: Final = pl.Schema(
    {
        "key": pl.String(),
        "file_id": pl.Int32(),
        "row": pl.Int64(),
        "is_existing": pl.Boolean(),
        "outcome": pl.String(),
        "is_current": pl.Boolean(),
        "version_file_id": pl.Int32(),
        "version_row": pl.Int64(),
        "at": INSTANT,
        "corrects_own_file": pl.Boolean(),
    }
)
"""One row per occurrence of a contested key, with its outcome, which is null for an event that existed.

``is_current``: whether it is the version that counts in the end. ``version_file_id``, ``version_row``: the first place of
the version that it carries. ``at``: when its event happened. ``corrects_own_file``: whether it replaced a version from
the same file.
"""
