"""Write values as text and as JSON, instants in UTC."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from transforms.values.json import encode_exact


def instant(value: datetime) -> str:
    """Return an instant as ISO 8601 in UTC, with six decimals unless it has none."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def plain(value: Any) -> str:
    """Return a value as text: instants in UTC, booleans as yes and no, lists and objects as JSON, None as ""."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict | list):
        return to_json(value)
    return str(value)


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON: instants in UTC, decimals as exact numbers."""
    encoded = encode_exact(_in_utc(value))
    return msgspec.json.format(encoded, indent=indent) if indent else encoded


def _in_utc(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, Mapping):
        return {name: _in_utc(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_in_utc(item) for item in value]
    return value
