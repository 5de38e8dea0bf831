"""The request for an import: its sources and limits, and the pace at which it runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from flows.sources.reading import CHUNK_ROWS, ChunkSize
from schemas.errors import ConfigurationError


@dataclass(frozen=True)
class ImportRequest:
    """What a person or a schedule asked for."""

    sources: tuple[str, ...]
    mapping_file: str | None = None
    clock: datetime | None = None
    max_rejected: Decimal | None = None
    """None: the usual share, or that with which an import that is taken up again began."""
    reason: str | None = None
    flow_run_id: str | None = None


WORKERS: Final = 2
"""Files loaded side by side: one is read and sifted while Postgres takes the other's rows."""


@dataclass(frozen=True)
class Pace:
    """How an import is cut up; no number depends on it."""

    workers: int = WORKERS
    chunk_rows: int = CHUNK_ROWS

    def chunk(self, *, files: int) -> ChunkSize:
        """The size of a chunk where so many files are loaded."""
        return ChunkSize(rows=self.chunk_rows).shared(max(1, min(self.workers, files)))


def pace(environ: Mapping[str, str] | None = None) -> Pace:
    """The pace asked for by USAGE_IMPORT_WORKERS and USAGE_IMPORT_CHUNK_ROWS."""
    environment = os.environ if environ is None else environ
    return Pace(
        workers=_whole(environment, "USAGE_IMPORT_WORKERS", WORKERS),
        chunk_rows=_whole(environment, "USAGE_IMPORT_CHUNK_ROWS", CHUNK_ROWS),
    )


def _whole(environment: Mapping[str, str], name: str, default: int) -> int:
    told = environment.get(name) or str(default)
    if not told.isascii() or not told.isdigit() or int(told) < 1:
        raise ConfigurationError(f"{name} is {told!r}; give a whole number from 1")
    return int(told)
