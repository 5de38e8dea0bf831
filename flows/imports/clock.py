"""Refuse a clock far ahead of the machine's: the clock of a database never goes back, so a slip would make all lines due."""

import os
from datetime import UTC, datetime, timedelta
from typing import Final

from flows.output.instants import instant
from schemas.errors import ConfigurationError

FUTURE_VARIABLE: Final = "USAGE_IMPORT_FUTURE"

AHEAD: Final = timedelta(days=1)
"""How far a clock may lie ahead of the machine's, which may itself be slow."""


def refuse_far_clock(clock: datetime | None, *, is_future: bool) -> None:
    """Raise ConfigurationError if a clock is later than the machine's by more than a day.

    is_future: whether tests or a replay ask for such a clock; `USAGE_IMPORT_FUTURE=1` asks for it too.
    """
    if clock is None or is_future or os.environ.get(FUTURE_VARIABLE) == "1":
        return
    now = datetime.now(UTC).replace(microsecond=0)
    if clock - now > AHEAD:
        raise ConfigurationError(
            f"the clock {instant(clock)} is more than a day ahead of this machine's, which is at {instant(now)}, and a "
            "clock never goes back; correct it, or add --future for a test or a replay"
        )
