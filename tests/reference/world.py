"""A world: catalogs, exports and the commands that import them, as lists of small things that can be shrunk."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass
class Documents:
    """The documents of one catalog folder, and how each kind is written."""

    customers: list[dict[str, Any]] = field(default_factory=list)
    meters: list[dict[str, Any]] = field(default_factory=list)
    plans: list[dict[str, Any]] = field(default_factory=list)
    contracts: list[dict[str, Any]] = field(default_factory=list)
    styles: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        for kind in ("customers", "meters", "plans", "contracts"):
            documents = getattr(self, kind)
            if documents:
                style = self.styles.get(kind, "list")
                suffix = {"lines": "jsonl", "csv": "csv"}.get(style, "json")
                (folder / f"{kind}.{suffix}").write_text(
                    _written(documents, style), encoding="utf-8", newline=""
                )


def _written(documents: list[dict[str, Any]], style: str) -> str:
    if style == "lines":
        return "".join(json.dumps(document) + "\n" for document in documents)
    if style == "page":
        return json.dumps({"data": documents}, indent=1, ensure_ascii=False)
    if style == "csv":
        names = sorted(
            {name for document in documents for name in document if name not in ("metadata", "isActive")}
        )
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(documents)
        return out.getvalue()
    return json.dumps(documents, ensure_ascii=False)


@dataclass
class Export:
    """One file: its name, how it is written, and its rows as bytes (JSON texts, or CSV records)."""

    name: str
    style: str
    rows: list[bytes]
    header: bytes = b""
    line_end: bytes = b"\n"
    has_mark: bool = False
    is_mapped: bool = False

    def render(self) -> bytes:
        end = self.line_end
        if self.style == "csv":
            data = end.join([self.header, *self.rows]) + end
        elif self.style == "body":
            data = b'{"events": [' + end + (b"," + end).join(self.rows) + end + b"]}"
        elif self.style == "array":
            data = b"[" + b",".join(self.rows) + b"]" + end
        else:
            data = end.join(self.rows) + end
        data = (b"\xef\xbb\xbf" if self.has_mark else b"") + data
        return _gzipped(data) if self.name.endswith(".gz") else data


def _gzipped(data: bytes) -> bytes:
    """Two members, one after the other."""
    half = len(data) // 2
    return gzip.compress(data[:half], mtime=0) + gzip.compress(data[half:], mtime=0)


@dataclass
class Step:
    """One command: `catalog`, `run`, `rollup` or `zone` (a changed setting), at a clock."""

    command: str
    clock: datetime
    documents: Documents | None = None
    files: list[str] = field(default_factory=list)
    mapping: str | None = None
    most_rejected: str | None = None
    zone: str = ""


@dataclass
class World:
    """Everything there is, in the order in which it happens."""

    seed: int
    zone: str
    steps: list[Step]
    exports: list[Export]

    def commands(self) -> str:
        """The commands of the world, for a reader."""
        lines = [f"settings billing_time_zone {self.zone}"]
        for number, step in enumerate(self.steps):
            what = {"catalog": f"catalog-{number}", "run": " ".join(step.files)}.get(step.command, step.zone)
            options = f" --mapping mapping-{number}.toml" if step.mapping else ""
            options += f" --max-rejected {step.most_rejected}" if step.most_rejected else ""
            lines.append(f"{step.command} {what} --clock {step.clock.isoformat()}{options}")
        return "\n".join(lines)


@dataclass
class Draft:
    """An event before it is written: JSON texts by field, and property names with JSON texts."""

    fields: dict[str, str]
    properties: list[tuple[str, str]]
    at: datetime | None = None
    raw: bytes | None = None
