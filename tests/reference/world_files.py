"""Write random events to files: JSON in several shapes, CSV by field names, and CSV with a mapping."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

from tests.reference.instants import clocks_of
from tests.reference.world import Draft, Export
from tests.reference.world_events import EventMaker
from tests.reference.world_mapping import Mapped
from tests.reference.world_values import DAY, MAPPED_FIELDS, MICROSECOND, SNAKE, STYLES, TEXT_FIELDS, VERSIONS


class FileMaker(EventMaker):
    """The files of a world."""

    def json_row(self, draft: Draft) -> bytes:
        if draft.raw is not None:
            return draft.raw
        fields = list(draft.fields.items())
        if "properties" not in draft.fields and (draft.properties or self.chance(0.3)):
            space = self.pick(("", "", " "))
            inside = ",".join(f"{self.quoted(name)}:{space}{value}" for name, value in draft.properties)
            fields.append(("properties", "{" + inside + "}"))
        if self.chance(0.1):
            self.random.shuffle(fields)
        if self.chance(0.1):
            fields = [(SNAKE[name], value) for name, value in fields]
        if self.chance(0.05):
            fields.append(
                (self.pick(("extra", "Timestamp", "quantity")), self.pick(("1", '"x"', '{"a":[null]}')))
            )
        if self.chance(0.03):
            fields.insert(0, (fields[-1][0], '"first of two"'))
        if self.chance(0.03):
            fields.append((self.pick(("contract_id", "idempotency_key")), "null"))
        return ("{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in fields) + "}").encode()

    def export(self, number: int, drafts: list[Draft]) -> Export:
        style, suffix = self.pick(STYLES)
        name = f"export-{number}.{suffix}" + self.pick(("", "", ".gz"))
        line_end = self.pick((b"\n", b"\n", b"\r\n"))
        has_mark = self.chance(0.1)
        if style == "csv":
            header, rows = self.csv_rows(drafts)
            return Export(name, style, rows, header, line_end, has_mark)
        if style in ("body", "array"):
            drafts = [draft for draft in drafts if draft.raw is None]
        rows = self.bodies(drafts) if style == "bodies" else [self.json_row(draft) for draft in drafts]
        return Export(name, style, rows, b"", line_end, has_mark)

    def bodies(self, drafts: list[Draft]) -> list[bytes]:
        """Bodies of one to four events, one a line; broken rows on lines of their own."""
        lines = [self.json_row(draft) for draft in drafts if draft.raw is not None]
        if lines:
            lines.append(b'{"events":[{"eventName":"a"}, {"eventName":')
        rows = [self.json_row(draft) for draft in drafts if draft.raw is None]
        while rows:
            size = self.random.randint(1, 4)
            some, rows = rows[:size], rows[size:]
            lines += [b'{"events":[' + b", ".join(some) + b"]}"] if size > 1 else some
        return lines

    def csv_rows(self, drafts: list[Draft]) -> tuple[bytes, list[bytes]]:
        names = [SNAKE[name] if self.chance(0.1) else name for name in TEXT_FIELDS]
        header = [*names, *(f"properties.{name}" for name in self.properties), "extra"]
        rows = []
        for draft in drafts:
            properties = dict(draft.properties)
            cells = [_cell(draft.fields.get(name)) for name in TEXT_FIELDS]
            cells += [_cell(properties.get(name)) for name in self.properties]
            cells.append("x" if self.chance(0.05) else "")
            rows.append(self.csv_record(cells, draft))
        return csv_line(header), rows

    def csv_record(self, cells: list[str], draft: Draft) -> bytes:
        if draft.raw is None:
            return csv_line(cells)
        broken = csv_line(["a\ue000", *cells[1:]]).replace("\ue000".encode(), b"\xff")
        return self.pick((csv_line(cells[:-1]), csv_line([*cells, "more"]), broken))

    # Mapped files

    def mapping(self) -> Mapped:
        zone = self.pick((None, self.zone, self.zone))
        has_version = self.chance(0.35)
        return Mapped(
            zone=zone,
            unit=self.pick((None, None, "s", "ms", "us")) if zone is None else None,
            key=self.pick(("column", "column", "template", "none")),
            has_version=has_version,
            has_deleted=self.chance(0.35),
            is_timestamp_required=self.chance(0.15),
            oldest=self.today - 400 * DAY if self.chance(0.3) else None,
            refuses_corrections=not has_version and self.chance(0.25),
            properties={name: self.pick((None, None, "text")) for name in self.properties},
            is_rest=self.chance(0.4),
        )

    def settings(self) -> str:
        """A mapping that leaves fields and properties as they are named."""
        oldest = self.today - 400 * DAY
        lines = (
            'missing_timestamp = "reject"',
            'on_conflict = "reject"',
            f"oldest = {oldest:%Y-%m-%dT%H:%M:%SZ}",
        )
        return "\n".join(self.random.sample(lines, self.random.randint(1, 2))) + "\n"

    def mapped_export(self, number: int, mapped: Mapped, drafts: list[Draft]) -> Export:
        header = [*mapped.columns(), *map(mapped.column_of, self.properties)]
        records = [self.csv_record(self.mapped_cells(mapped, draft), draft) for draft in drafts]
        line_end = self.pick((b"\n", b"\r\n"))
        return Export(f"export-{number}.csv", "csv", records, csv_line(header), line_end)

    def mapped_cells(self, mapped: Mapped, draft: Draft) -> list[str]:
        cells = {column: _cell(draft.fields.get(name)) for name, column in MAPPED_FIELDS.items()}
        cells["when"] = self.mapped_instant(draft, mapped)
        cells["upd at"] = "soon" if self.chance(0.005) else self.pick(VERSIONS)
        is_keyed = mapped.key != "none" and "idempotencyKey" in draft.fields
        cells["gone?"] = self.pick(("", "", "", "no", "yes")) if is_keyed and self.chance(0.5) else ""
        properties = dict(draft.properties)
        return [cells[name] for name in mapped.columns()] + [
            _cell(properties.get(name)) for name in self.properties
        ]

    def mapped_instant(self, draft: Draft, mapped: Mapped) -> str:
        if draft.at is not None and mapped.unit:
            microseconds = (draft.at - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND
            return str(microseconds // {"s": 1_000_000, "ms": 1_000, "us": 1}[mapped.unit])
        if draft.at is not None and mapped.zone and self.chance(0.7):
            local = draft.at.astimezone(clocks_of(mapped.zone))
            if self.chance(0.05):
                local = self.midnight(local.date()).astimezone(clocks_of(mapped.zone))
                local = local.replace(hour=self.pick((0, 1, 2)), minute=30)
            return local.strftime(f"%Y-%m-%d{self.pick('T ')}%H:%M:%S.%f")
        return _cell(draft.fields.get("timestamp"))


def _cell(literal: str | None) -> str:
    """The CSV cell of a JSON text: texts without quotes, numbers as they are written."""
    if literal is None or literal == "null":
        return ""
    return str(json.loads(literal)) if literal.startswith('"') else literal


def csv_line(cells: list[str]) -> bytes:
    """One CSV record, without its line end."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().removesuffix("\n").encode()
