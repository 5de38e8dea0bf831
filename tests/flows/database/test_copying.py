"""A frame that is copied in several pieces arrives whole and in its order."""

from uuid import UUID

import polars as pl
import pytest
from sqlalchemy import create_engine, text

from flows.database.copy import ROWS_AT_ONCE, copy_frame

CREATE = "create temporary table copied (n bigint, key uuid, name text, properties jsonb)"


@pytest.mark.parametrize(
    "rows", [1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, 2 * ROWS_AT_ONCE + 500]
)
def test_every_piece_of_a_frame_arrives(postgres_url: str, rows: int) -> None:
    """Frames of about one and two pieces arrive with their nulls, also if the chunks of the frame have other sizes."""
    numbers = range(rows)
    frame = pl.DataFrame(
        {
            "n": numbers,
            "key": [n.to_bytes(16, "big") for n in numbers],
            "name": [None if n % 3 == 0 else f"é{n}" for n in numbers],
            "properties": [f'{{"n": {n}}}' for n in numbers],
        },
        schema={"n": pl.Int64, "key": pl.Binary, "name": pl.String, "properties": pl.String},
    )
    parted = pl.concat([frame[: rows // 7], frame[rows // 7 :]], rechunk=False)
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        connection.execute(text(CREATE))
        copy_frame(connection, "copied", parted, jsonb=("properties",))
        rows_read = (
            connection.execute(text("select n, key, name, properties from copied order by ctid"))
            .tuples()
            .all()
        )
    engine.dispose()
    assert rows_read == [(n, UUID(int=n), None if n % 3 == 0 else f"é{n}", {"n": n}) for n in numbers]
