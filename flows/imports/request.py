"""The request for an import: its sources, catalog and limits, and the pace at which it runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from flows.sources.credentials import refuse_credentials
from flows.sources.reading import CHUNK_ROWS, ChunkSize
from flows.sources.spool import whole_number


@dataclass(frozen=True)
class ImportRequest:
    """A request of a person or a schedule for an import."""

    sources: tuple[str, ...]
    catalog: str | None = None
    """A catalog folder to load with the import: both are one publish, and none if the import fails."""
    allow_withdrawn: bool = False
    """Whether the catalog may withdraw due lines; needs a reason."""
    mapping_file: str | None = None
    clock: datetime | None = None
    max_rejected: Decimal | None = None
    """None: the default share, or the share with which an unfinished import began."""
    set_aside: bool = False
    """Whether a file above the limit, or one that cannot be read, is left out whole instead of failing the import."""
    max_unassigned: Decimal | None = None
    """The share of events on no line above which the import has a warning; None: the default."""
    reason: str | None = None
    flow_run_id: str | None = None
    wait: bool = False
    """Whether to wait for another import instead of giving up."""

    def __post_init__(self) -> None:
        for address in (*self.sources, self.catalog, self.mapping_file):
            if address is not None:
                refuse_credentials(address)


WORKERS: Final = 2
"""Files loaded side by side: one is read and sifted while Postgres takes the rows of the other."""


@dataclass(frozen=True)
class Pace:
    """The number of files loaded side by side and the size of a chunk; no result depends on them."""

    workers: int = WORKERS
    chunk_rows: int = CHUNK_ROWS

    def chunk(self, *, files: int) -> ChunkSize:
        """Return the size of a chunk for an import of this many files."""
        return ChunkSize(rows=self.chunk_rows).shared(max(1, min(self.workers, files)))


def pace(environ: Mapping[str, str] | None = None) -> Pace:
    """Return the pace that USAGE_IMPORT_WORKERS and USAGE_IMPORT_CHUNK_ROWS ask for.

    Raises ConfigurationError for a value that is not a whole number from 1.
    """
    environment = os.environ if environ is None else environ
    return Pace(
        workers=whole_number(environment, "USAGE_IMPORT_WORKERS", WORKERS),
        chunk_rows=whole_number(environment, "USAGE_IMPORT_CHUNK_ROWS", CHUNK_ROWS),
    )
