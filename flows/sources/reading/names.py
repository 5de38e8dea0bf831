"""Derive the format of a file from its name, and print the name safely."""

from transforms.values.text import visible

STANDARD_INPUT = "-"

JSON = (".jsonl", ".ndjson", ".json")
CSV = (".csv", ".tsv")
PARQUET = (".parquet", ".pq")
PACKED = (".gz", ".gzip", ".zst", ".zstd")

KNOWN = (*JSON, *CSV, *PARQUET, *(ending + packed for ending in (*JSON, *CSV) for packed in PACKED))
"""Endings, in lower case, of the files that are read from a folder."""


def format_ending(name: str) -> str:
    """Return the ending of a name that stands for a text format, in lower case, or "" if there is none.

    >>> format_ending("2026/January.CSV.gz")
    '.csv'
    """
    plain = name.lower()
    for packed in PACKED:
        plain = plain.removesuffix(packed)
    return next((ending for ending in (*JSON, *CSV) if plain.endswith(ending)), "")


def is_known(name: str) -> bool:
    """Return whether a file of this name is read from a folder: its ending is known and no part of it is hidden."""
    return name.lower().endswith(KNOWN) and not any(part.startswith(".") for part in name.split("/"))


def printable(name: str) -> str:
    """Return the name as a terminal may print it on one line, with unprintable characters escaped."""
    return "standard input" if name == STANDARD_INPUT else visible(name)
