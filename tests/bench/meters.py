"""The meters of the benchmark: their catalog and the totals of their lines."""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

import polars as pl

MODELS = ("atlas", "atlas-mini", "borealis", "cirrus")
REGIONS = ("eu-west-1", "us-east-1", "ap-south-1")
STATUSES = (200, 429, 500)
CONTRACTS_START = date(2025, 1, 1)


@dataclass(frozen=True)
class BenchMeter:
    """A meter of the benchmark: exactly what the catalog says, and how facts answer it."""

    code: str
    aggregation: str
    measured: str | None = None
    included_names: tuple[str, ...] = ()
    excluded_names: tuple[str, ...] = ()
    filtered: tuple[str, tuple[str | int, ...]] | None = None
    group_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeterTotal:
    """All lines of a meter together: how many, their events, and their quantities added up."""

    lines: int
    events: int
    quantity: Decimal


USUAL = (
    BenchMeter("requests", "COUNT", included_names=("api_request",)),
    BenchMeter("tokens", "SUM", "tokens", included_names=("llm_tokens",), group_keys=("model",)),
    BenchMeter("peak_latency", "MAX", "latency", excluded_names=("page_view",), group_keys=("region",)),
)
"""The three that an import is measured with; more only where the rollup is."""


def bench_meters(count: int) -> tuple[BenchMeter, ...]:
    """So many meters: the usual three, then every mixture of names, aggregations, filters and groups."""
    return tuple(USUAL[n] if n < len(USUAL) else _mixture(n) for n in range(count))


def _mixture(n: int) -> BenchMeter:
    kinds = (("COUNT", None), ("SUM", "tokens"), ("MAX", "latency"), ("MIN", "latency"), ("SUM", "latency"))
    names = (("api_request",), ("llm_tokens",), ("storage_write", "page_view"), ())
    filters: tuple[tuple[str, tuple[str | int, ...]] | None, ...] = (
        None,
        ("model", MODELS[:2]),
        ("region", REGIONS[1:]),
        ("status", (200,)),
    )
    groups: tuple[tuple[str, ...], ...] = ((), ("model",), ("region",), ("model", "region"))
    aggregation, measured = kinds[n % 5]
    return BenchMeter(
        code=f"meter_{n:02}",
        aggregation=aggregation,
        measured=measured,
        included_names=names[n % 4],
        filtered=filters[n // 2 % 4],
        group_keys=groups[n // 3 % 4],
    )


def write_catalog(folder: Path, *, meters: int, customers: int) -> None:
    """Customers with a contract each, on one plan that prices every meter by the month."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = bench_meters(meters)
    pricing = [
        {"id": f"price-{meter.code}", "model": "USAGE", "meterId": meter.code, "priceInterval": "MONTH", "priceIntervalCount": 1}
        for meter in chosen
    ]  # fmt: skip
    documents: dict[str, list[dict[str, Any]]] = {
        "customers": [
            {"id": f"c{n}", "name": f"Customer {n}", "externalCustomerId": external_id(n)}
            for n in range(customers)
        ],
        "meters": [_document(meter) for meter in chosen],
        "plans": [{"id": "standard", "name": "Standard", "pricing": pricing}],
        "contracts": [
            {"id": f"k{n}", "customerId": f"c{n}", "planId": "standard", "startDate": CONTRACTS_START.isoformat()}
            for n in range(customers)
        ],
    }  # fmt: skip
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document))


def external_id(number: int) -> str:
    """Return the external id of a customer in the exports."""
    return f"cust-{number:06}"


def _document(meter: BenchMeter) -> dict[str, Any]:
    names = {
        key: list(value)
        for key, value in (("include", meter.included_names), ("exclude", meter.excluded_names))
        if value
    }
    document: dict[str, Any] = {
        "id": meter.code,
        "code": meter.code,
        "aggregationType": meter.aggregation,
        "eventTypeFilter": names,
        "groupKeys": list(meter.group_keys),
    }
    if meter.measured is not None:
        document["aggregationKey"] = meter.measured
    if meter.filtered is not None:
        name, included = meter.filtered
        document["propertyFilters"] = [{"name": name, "include": list(included)}]
    return document


def facts_of(counted: pl.DataFrame) -> pl.DataFrame:
    """Events folded by all that any meter asks: as many rows as there are differing answers."""
    return _folded(
        counted.with_columns(
            pl.col("at").dt.truncate("1mo").alias("month"),
            events=pl.lit(1, dtype=pl.Int64),
            tokens_sum="tokens",
            latency_sum="latency",
            latency_max="latency",
            latency_min="latency",
        )
    )


def merged_facts(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Facts of several batches together."""
    return _folded(pl.concat(parts))


def _folded(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by("customer", "month", "event_name", "model", "region", "status").agg(
        pl.col("events", "tokens_sum", "latency_sum").sum(),
        pl.col("latency_max").max(),
        pl.col("latency_min").min(),
    )


def total_of(facts: pl.DataFrame, meter: BenchMeter) -> MeterTotal:
    """Return the total of all lines of a meter; latency is in hundredths."""
    conditions: list[pl.Expr] = []
    if meter.included_names:
        conditions.append(pl.col("event_name").is_in(meter.included_names))
    if meter.excluded_names:
        conditions.append(~pl.col("event_name").is_in(meter.excluded_names))
    if meter.filtered is not None:
        conditions.append(pl.col(meter.filtered[0]).is_in(meter.filtered[1]))
    matched = facts.filter(reduce(pl.Expr.and_, conditions, pl.lit(True)))
    column = "events" if meter.measured is None else f"{meter.measured}_{meter.aggregation.lower()}"
    quantity = getattr(pl.col(column), {"COUNT": "sum"}.get(meter.aggregation, meter.aggregation.lower()))()
    lines = matched.group_by("customer", "month", *meter.group_keys).agg(
        quantity.alias("quantity"), pl.col("events").sum()
    )
    scale = Decimal("0.01") if meter.measured == "latency" else Decimal(1)
    return MeterTotal(lines.height, int(lines["events"].sum()), scale * int(lines["quantity"].sum()))
