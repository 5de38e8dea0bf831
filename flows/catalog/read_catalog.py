"""Read the current catalog as frames and meter rules."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec
import polars as pl
from sqlalchemy import Connection, text

from flows.database.read import read_frame
from schemas.documents.catalog import Meter
from transforms.usage.meters import MeterRule, meter_rule

CURRENT_VERSION: Final = "select coalesce(max(catalog_version), 0) from catalog_versions"


READ_CUSTOMERS: Final = "select customer_no, id, external_customer_id from customers order by customer_no"

READ_CONTRACTS: Final = "select contract_no, id, customer_no from contracts order by contract_no"

READ_METERS: Final = "select meter_no, inactive_at, document::text from meters order by meter_no"

COLUMNS: Final[dict[str, pl.Schema]] = {
    "customers": pl.Schema(
        {"customer_no": pl.Int32(), "id": pl.String(), "external_customer_id": pl.String()}
    ),
    "contracts": pl.Schema({"contract_no": pl.Int32(), "id": pl.String(), "customer_no": pl.Int32()}),
}


EXACT_JSON = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True)
class CatalogFrames:
    """What is held, as frames with one row per thing; the numbers are Int32.

    customers: customer_no, id, external_customer_id. contracts: contract_no, id, customer_no.
    """

    version: int
    customers: pl.DataFrame
    contracts: pl.DataFrame
    rules: tuple[MeterRule, ...]


def catalog_frames(connection: Connection) -> CatalogFrames:
    """The catalog as it is held, for sifting and rolling up."""
    return CatalogFrames(
        version=connection.scalar(text(CURRENT_VERSION)) or 0,
        customers=read_frame(connection, READ_CUSTOMERS, COLUMNS["customers"]),
        contracts=read_frame(connection, READ_CONTRACTS, COLUMNS["contracts"]),
        rules=tuple(
            meter_rule(
                Meter.model_validate(EXACT_JSON.decode(document)), meter_no=meter_no, inactive_at=inactive_at
            )
            for meter_no, inactive_at, document in connection.execute(text(READ_METERS))
        ),
    )
