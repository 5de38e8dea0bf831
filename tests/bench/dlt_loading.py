"""One load by dlt, run by the Python of ``.venv-bench``: ``dlt_loading.py dicts|arrow FILE URL FOLDER``.

dicts: as its documentation starts, rows as dicts, merged by the key; a row's number says which row is the last.
arrow: the fastest known way, Arrow tables read by polars and made unique by it, Parquet files through ADBC, upserted.
"""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

ROWS_A_FILE = 250_000
EVENT_FIELDS = {
    "external_customer_id": "externalCustomerId",
    "event_name": "eventName",
    "idempotency_key": "idempotencyKey",
}


def dicts(path: Path) -> Iterator[dict[str, Any]]:
    """Each line as a dict."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            yield json.loads(line) | {"row": number}


def tables(path: Path) -> Iterator[Any]:
    """Arrow tables of the last row of each key."""
    frame = (
        pl.scan_ndjson(path)
        .select(
            timestamp=pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ", time_zone="UTC"),
            properties=pl.col("properties").struct.json_encode(),
            **EVENT_FIELDS,
        )
        .unique("idempotency_key", keep="last", maintain_order=True)
        .collect()
    )
    for part in frame.iter_slices(ROWS_A_FILE):
        yield part.to_arrow(compat_level=pl.CompatLevel.oldest())


def load(mode: str, path: Path, url: str, folder: str) -> None:
    """Load a file of JSON lines in one of the two ways."""
    dlt: Any = import_module("dlt")
    if mode == "dicts":
        resource = dlt.resource(
            dicts(path),
            name="usage",
            write_disposition="merge",
            primary_key="idempotencyKey",
            columns={"row": {"dedup_sort": "desc"}},
        )
        options: dict[str, Any] = {}
    else:
        resource = dlt.resource(
            tables(path),
            name="usage",
            write_disposition={"disposition": "merge", "strategy": "upsert"},
            primary_key="idempotency_key",
        )
        options = {"loader_file_format": "parquet"}
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.postgres(credentials=url),
        dataset_name="bench_usage",
        pipelines_dir=folder,
    )
    pipeline.run(resource, **options).raise_on_failed_jobs()


if __name__ == "__main__":
    load(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])
