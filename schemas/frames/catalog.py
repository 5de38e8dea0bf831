"""The frames of the catalog: those that rows are judged by, and those that a new version is written from."""

from typing import Final

import polars as pl

from schemas.frames.instant import INSTANT
from schemas.vocabulary import Kind

CUSTOMERS: Final = pl.Schema(
    {"customer_no": pl.Int32(), "id": pl.String(), "external_customer_id": pl.String()}
)
"""One row per customer."""

CONTRACTS: Final = pl.Schema({"contract_no": pl.Int32(), "id": pl.String(), "customer_no": pl.Int32()})
"""One row per contract."""

CUSTOMERS_TO_WRITE: Final = pl.Schema(
    {"place": pl.Int32(), "id": pl.String(), "external_customer_id": pl.String(), "document": pl.String()}
)
"""One row per customer that is new or has changed."""

METERS_TO_WRITE: Final = pl.Schema(
    {
        "place": pl.Int32(),
        "id": pl.String(),
        "code": pl.String(),
        "aggregation": pl.String(),
        "is_supported": pl.Boolean(),
        "inactive_at": INSTANT,
        "document": pl.String(),
    }
)
"""One row per meter that is new or has changed."""

PLANS_TO_WRITE: Final = pl.Schema({"place": pl.Int32(), "id": pl.String(), "document": pl.String()})
"""One row per plan that is new or has changed."""

CONTRACTS_TO_WRITE: Final = pl.Schema(
    {
        "place": pl.Int32(),
        "id": pl.String(),
        "customer_id": pl.String(),
        "plan_id": pl.String(),
        "start_on": pl.Date(),
        "end_on": pl.Date(),
        "anchor": pl.String(),
        "document": pl.String(),
    }
)
"""One row per contract that is new or has changed."""

PRICINGS_TO_WRITE: Final = pl.Schema(
    {
        "place": pl.Int32(),
        "plan_id": pl.String(),
        "id": pl.String(),
        "model": pl.String(),
        "meter_id": pl.String(),
        "interval": pl.String(),
        "interval_count": pl.Int32(),
        "document": pl.String(),
    }
)
"""One row per pricing of a plan that is new or has changed."""

THINGS_TO_WRITE: Final = {
    Kind.CUSTOMER: CUSTOMERS_TO_WRITE,
    Kind.METER: METERS_TO_WRITE,
    Kind.PLAN: PLANS_TO_WRITE,
    Kind.CONTRACT: CONTRACTS_TO_WRITE,
}
"""The frame of each kind. ``place`` is the order of the folder; ids are spelled as the tables spell them."""

CATALOG_CHANGES: Final = pl.Schema(
    {
        "catalog_version": pl.Int32(),
        "kind": pl.String(),
        "id": pl.String(),
        "before": pl.String(),
        "after": pl.String(),
    }
)
"""One row per thing that a version adds, changes or prunes; ``before`` and ``after`` are documents as JSON."""

STAGED_THINGS: Final = pl.Schema({"import_id": pl.Int32, "table_name": pl.String, "row": pl.String})
"""One row per row of a catalog table that waits for an import; ``row`` is JSON."""
