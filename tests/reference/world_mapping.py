"""A mapped export: how another system writes events as CSV, and the mapping that reads it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from tests.reference.world_values import FOREVER, MAPPED_FIELDS


@dataclass(frozen=True)
class Mapped:
    """A vendor's way of writing events as CSV, and the mapping that reads it."""

    zone: str | None
    unit: str | None
    key: str
    has_version: bool
    has_deleted: bool
    is_timestamp_required: bool
    oldest: datetime | None
    refuses_corrections: bool
    properties: dict[str, str | None]
    is_rest: bool

    def columns(self) -> list[str]:
        """The columns before those of the properties."""
        wanted = {"key": self.key != "none", "upd at": self.has_version, "gone?": self.has_deleted}
        return [name for name in (*MAPPED_FIELDS.values(), "upd at", "gone?") if wanted.get(name, True)]

    def column_of(self, name: str) -> str:
        return name if self.is_rest else f"p {name}"

    def text(self) -> str:
        settings = {
            'properties = "rest"': self.is_rest,
            f"time_zone = {json.dumps(self.zone)}": self.zone is not None,
            'missing_timestamp = "now"': not self.is_timestamp_required,
            'missing_timestamp = "reject"': self.is_timestamp_required and self.is_rest,
            f"oldest = {self.oldest or FOREVER:%Y-%m-%dT%H:%M:%SZ}": self.oldest is not None,
            'on_conflict = "reject"': self.refuses_corrections,
            'corrections = "expected"': self.key == "column",
            'version = { column = "upd at" }': self.has_version,
            'deleted = { column = "gone?", equals = "yes" }': self.has_deleted,
        }
        lines = [line for line, is_set in settings.items() if is_set]
        lines += ["[fields]", *map(self.field_line, MAPPED_FIELDS)]
        if not self.is_rest:
            lines += ["[properties]", *map(self.property_line, self.properties)]
        return "\n".join(line for line in lines if line) + "\n"

    def field_line(self, name: str) -> str:
        column = MAPPED_FIELDS[name]
        if name == "timestamp" and self.unit:
            return f'{name} = {{ column = "{column}", unit = "{self.unit}" }}'
        if name == "idempotencyKey":
            template = '{ template = "t-{key}-{what}" }'
            return {"none": "", "template": f"{name} = {template}"}.get(
                self.key, f'{name} = {{ column = "{column}" }}'
            )
        return f'{name} = {{ column = "{column}" }}'

    def property_line(self, name: str) -> str:
        kind = self.properties[name]
        column = json.dumps(self.column_of(name), ensure_ascii=False) + (f', type = "{kind}"' if kind else "")
        return f"{json.dumps(name, ensure_ascii=False)} = {{ column = {column} }}"
