"""Names of files: the formats they promise, and how they are shown."""

STANDARD_INPUT = "-"

JSON = (".jsonl", ".ndjson", ".json")
CSV = (".csv", ".tsv")
PARQUET = (".parquet", ".pq")
PACKED = (".gz", ".gzip", ".zst", ".zstd")

KNOWN = (*JSON, *CSV, *PARQUET, *(ending + packed for ending in (*JSON, *CSV) for packed in PACKED))
"""Endings, in lower case, of the files that a folder stands for."""


def promised(name: str) -> str:
    """The ending that tells the format of a text, in lower case; empty where there is none.

    >>> promised("2026/January.CSV.gz")
    '.csv'
    """
    plain = name.lower()
    for packed in PACKED:
        plain = plain.removesuffix(packed)
    return next((ending for ending in (*JSON, *CSV) if plain.endswith(ending)), "")


def is_known(name: str) -> bool:
    """Whether a folder stands for a file of this name: a known ending, nothing hidden on the way."""
    return name.lower().endswith(KNOWN) and not any(part.startswith(".") for part in name.split("/"))


def shown(name: str) -> str:
    """The name on one line of a terminal: what is not printable is escaped."""
    if name == STANDARD_INPUT:
        return "standard input"
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in name
    )
