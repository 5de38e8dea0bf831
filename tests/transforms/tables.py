"""Sift rows of tables, and read what became of them."""

import json
import tomllib
from collections.abc import Mapping as MappingOf
from decimal import Decimal
from typing import Any

import polars as pl

from schemas.documents.mapping import DEFAULT_MAPPING, Mapping
from tests.transforms.sifting import cells_chunk, sifted
from transforms.rows.sift import Sifted

BY_NAME = {"eventName": "call", "externalCustomerId": "acme", "timestamp": "2025-06-01T00:00:00Z"}


def of_csv(*rows: MappingOf[str, str | None], mapping: Mapping = DEFAULT_MAPPING) -> Sifted:
    """Sift rows of texts, as reading returns them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = pl.DataFrame(
        [[row.get(name) for name in names] for row in rows],
        schema=dict.fromkeys(names, pl.String),
        orient="row",
    )
    return sifted(cells_chunk(cells, raws=[b"raw"] * len(rows)), mapping=mapping)


def of_parquet(
    *rows: MappingOf[str, Any],
    mapping: Mapping = DEFAULT_MAPPING,
    columns: MappingOf[str, pl.Series] | None = None,
    **named: pl.Series,
) -> Sifted:
    """Sift rows of native values, with further columns."""
    cells = pl.DataFrame(list(rows)).with_columns(**(columns or {}), **named)
    return sifted(cells_chunk(cells), mapping=mapping)


def mapping_of(text: str) -> Mapping:
    return Mapping.model_validate(tomllib.loads(text, parse_float=Decimal))


def properties(halves: Sifted) -> list[dict[str, Any]]:
    """Return the properties of the accepted rows, with exact numbers; no row may be rejected."""
    assert not len(halves.rejections), halves.rejections["message"].to_list()
    return [
        json.loads(text, parse_int=Decimal, parse_float=Decimal) for text in halves.accepted["properties"]
    ]


def refusals(halves: Sifted) -> list[tuple[str, str, str]]:
    return halves.rejections.select("code", "message", "field").rows()
