"""Play a world twice, through the command line and through the second reading, and report where they differ."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.flows.warm_commands import Answer, WarmCommands
from tests.reference.installation import Installation, Ledger
from tests.reference.instants import show
from tests.reference.lines import Line
from tests.reference.mapping import Mapping, read_mapping
from tests.reference.meters import show_group
from tests.reference.sifting import MESSAGES
from tests.reference.values import plain, typed
from tests.reference.world import Step, World

OUTCOMES = ("new", "duplicate", "corrected", "stale", "rejected")
IDENTITY = ("contract_id", "pricing_id", "period_start", "group")
NUMBERS = ("quantity", "event_count", "unusable_count", "first_event_at", "last_event_at")
COLUMNS = [
    "line_id", "contract_id", "customer_id", "external_customer_id", "plan_id", "pricing_id", "meter_id", "meter_code",
    "aggregation", "group", "period_start", "period_end", "quantity", "event_count", "unusable_count", "first_event_at",
    "last_event_at", "status", "kind", "revision", "import_id",
]  # fmt: skip
CHECKED = ("rows", "duplicates_without_key", "rejected_by_reason", "unassigned_by_reason", "unusable")
ALLOWED = ("--allow-withdrawn", "--reason", "the world says so")
NOT_FROM_RULES = {"line_id", "revision", "import_id"}


class DisagreementError(AssertionError):
    """A difference between the command line and the second reading; `kind` is the part that differs."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


@dataclass
class Play:
    """The play of one world, in a folder and a database of its own."""

    world: World
    folder: Path
    commands: WarmCommands
    database_url: str
    installation: Installation = field(default_factory=Installation)
    lines_before: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)

    def play(self) -> None:
        """Take every step both ways; raises DisagreementError at the first difference."""
        for export in self.world.exports:
            (self.folder / export.name).write_bytes(export.render())
        self.installation.zone = self.world.zone
        self.expect(self.command("settings", "billing_time_zone", self.world.zone), 0)
        for number, step in enumerate(self.world.steps):
            try:
                getattr(self, f"take_{step.command}")(step, number)
            except DisagreementError as error:
                raise DisagreementError(error.kind, f"step {number} ({step.command}): {error}") from None
        self.compare_events()

    def command(self, *arguments: str) -> Answer:
        environment = {
            "USAGE_IMPORT_DATABASE_URL": self.database_url,
            "USAGE_IMPORT_CHUNK_ROWS": str((7, 64, 100_000)[self.world.seed % 3]),
            "USAGE_IMPORT_WORKERS": str((1, 2, 3, 1)[self.world.seed % 4]),
        }
        return self.commands.run(*arguments, environment=environment)

    def expect(self, answer: Answer, exit_code: int) -> None:
        if answer.exit_code != exit_code:
            message = (
                f"exit code {answer.exit_code}, not {exit_code}\n{answer.out[-500:]}\n{answer.err[-1200:]}"
            )
            raise DisagreementError("exit", message)

    def take_catalog(self, step: Step, number: int) -> None:
        assert step.documents is not None
        folder = self.folder / f"catalog-{number}"
        step.documents.write(folder)
        self.installation.take_catalog(folder, step.clock)
        self.expect(self.command("catalog", str(folder), "--clock", show(step.clock), *ALLOWED), 0)
        self.compare_lines()

    def take_rollup(self, step: Step, _: int) -> None:
        self.installation.roll_up(step.clock)
        self.expect(self.command("rollup", "--clock", show(step.clock)), 0)
        self.compare_lines()

    def take_zone(self, step: Step, _: int) -> None:
        self.installation.zone = step.zone
        self.expect(self.command("settings", "billing_time_zone", step.zone, *ALLOWED), 0)
        self.compare_lines()

    def take_run(self, step: Step, number: int) -> None:
        paths = [self.folder / name for name in step.files]
        mapping = read_mapping(step.mapping) if step.mapping else Mapping()
        limit = Fraction(int((step.most_rejected or "5%").removesuffix("%")), 100)
        ledger = self.installation.run(paths, mapping, step.clock, limit)
        arguments = ["run", *map(str, paths), "--clock", show(step.clock), "--json"]
        if step.mapping:
            mapping_path = self.folder / f"mapping-{number}.toml"
            mapping_path.write_text(step.mapping, encoding="utf-8")
            arguments += ["--mapping", str(mapping_path)]
        if step.most_rejected:
            arguments += ["--max-rejected", step.most_rejected]
        if (self.world.seed + number) % 5 == 0:
            self.compare_check(arguments, ledger)
        answer = self.command(*arguments)
        self.expect(answer, 1 if ledger.status == "failed" else 0)
        actual = json.loads(answer.out)
        agree("ledger", actual_ledger(actual, ledger.status), expected_ledger(ledger))
        if ledger.status != "unchanged":
            self.compare_rejections(str(actual["import_id"]), ledger)
        self.compare_lines()

    def compare_check(self, arguments: list[str], ledger: Ledger) -> None:
        """Compare the outcomes of `check` with those that `run` must have after it."""
        if ledger.status != "published":
            return
        actual = json.loads(self.command("check", *arguments[1:]).out)
        found = {name: actual[name] for name in (*OUTCOMES, *CHECKED)}
        expected = expected_ledger(ledger)
        agree("check", found, {name: expected[name] for name in found})

    def compare_rejections(self, import_id: str, ledger: Ledger) -> None:
        answer = self.command("rejects", import_id, "--json")
        self.expect(answer, 0)
        actual = [(Path(one["uri"]).name, one["row"], one["code"]) for one in json.loads(answer.out)]
        listed = [(one.file, one.row, one.code) for one in ledger.rejections if not one.is_repeat]
        agree("rejects", sorted(actual), sorted(listed))
        for one in json.loads(answer.out):
            if not one["message"].startswith(MESSAGES[one["code"]]):
                raise DisagreementError("message", f"{one['code']}: {one['message']}")

    def compare_lines(self) -> None:
        if self.installation.greatest_clock is None:
            return
        answer = self.command("usage", "--format", "csv")
        self.expect(answer, 0)
        reader = csv.DictReader(io.StringIO(answer.out, newline=""))
        agree("columns", list(reader.fieldnames or []), COLUMNS)
        actual = list(reader)
        expected = [expected_line(line, self.installation) for line in self.installation.lines()]
        agree("usage", *(sorted(map(canonical, lines), key=repr) for lines in (actual, expected)))
        agree("order", [order(line) for line in actual], sorted(order(line) for line in actual))
        self.compare_identities(actual)
        answer = self.command("unassigned", "--json")
        self.expect(answer, 0)
        agree("unassigned", actual_unassigned(json.loads(answer.out)), dict(self.installation.unassigned()))

    def compare_identities(self, actual: list[dict[str, str]]) -> None:
        """Assert that a line keeps its id, and that it has a new revision exactly if one of its numbers has changed."""
        lines = {tuple(line[name] for name in IDENTITY): line for line in actual}
        agree("doubled lines", len(lines), len(actual))
        agree("doubled ids", len({line["line_id"] for line in actual}), len(actual))
        for identity in lines.keys() & self.lines_before.keys():
            before, now = self.lines_before[identity], lines[identity]
            agree("line_id", now["line_id"], before["line_id"])
            if (now["event_count"], before["event_count"]) == ("0", "0"):
                continue
            is_same = all(
                now[name] == before[name] for name in (*NUMBERS, "customer_id", "plan_id", "period_end")
            )
            if is_same != (now["revision"] == before["revision"]):
                raise DisagreementError("revision", f"\n  before {before}\n  now {now}")
        self.lines_before = lines

    def compare_events(self) -> None:
        answer = self.command("events", "--limit", "1000000", "--json")
        self.expect(answer, 0)
        actual = json.loads(answer.out, parse_float=Decimal, parse_int=Decimal)
        expected = expected_events(self.installation)
        agree("events", sorted(map(actual_event, actual), key=repr), sorted(expected, key=repr))


def agree(kind: str, actual: object, expected: object) -> None:
    """Raise DisagreementError with the differences, if there are any."""
    if actual != expected:
        raise DisagreementError(kind, "\n".join(differences(actual, expected)))


def differences(actual: object, expected: object) -> Iterator[str]:
    if isinstance(actual, dict) and isinstance(expected, dict):
        for name in sorted(actual.keys() | expected.keys(), key=str):
            if actual.get(name) != expected.get(name):
                yield f"  {name}: found {actual.get(name)!r}, expected {expected.get(name)!r}"
    elif isinstance(actual, list) and isinstance(expected, list):
        left, right = Counter(map(repr, actual)), Counter(map(repr, expected))
        yield from (f"  found, not expected: {item}" for item in sorted((left - right).elements()))
        yield from (f"  expected, not found: {item}" for item in sorted((right - left).elements()))
        if left == right:
            yield "  the order differs"
    else:
        yield f"  found {actual!r}, expected {expected!r}"


def expected_ledger(ledger: Ledger) -> dict[str, Any]:
    """Return the expected output of `run --json`; of an import that is not published, only the certain parts."""
    if ledger.status == "unchanged":
        return {"status": "unchanged"}
    expected: dict[str, Any] = {
        "status": ledger.status,
        "rows": ledger.rows,
        "rejected": ledger.outcomes["rejected"],
        "rejected_by_reason": dict(Counter(one.code for one in ledger.rejections)),
    }
    if ledger.status == "published":
        expected |= {name: ledger.outcomes[name] for name in OUTCOMES}
        expected |= {
            "duplicates_without_key": ledger.duplicates_without_key,
            "unassigned_by_reason": dict(ledger.unassigned),
            "unusable": ledger.unusable,
            "defaulted_timestamps": ledger.defaulted_timestamps,
            "unknown_fields_by_name": dict(ledger.unknown_fields),
            "files": {name: {one: counts[one] for one in OUTCOMES} for name, counts in ledger.files.items()},
        }
    return expected


def actual_ledger(actual: dict[str, Any], status: str) -> dict[str, Any]:
    """Return the same parts of the output of `run --json`."""
    names = ["status"]
    if status != "unchanged":
        names += ["rows", "rejected", "rejected_by_reason"]
    if status == "published":
        names += [*OUTCOMES, "duplicates_without_key", "unassigned_by_reason", "unusable"]
        names += ["defaulted_timestamps", "unknown_fields_by_name"]
    found = {name: actual[name] for name in names}
    if status == "published":
        files = {Path(file["uri"]).name: file for file in actual["files"] if not file["is_unchanged"]}
        found["files"] = {name: {one: file[one] for one in OUTCOMES} for name, file in files.items()}
    return found


def expected_line(line: Line, installation: Installation) -> dict[str, str]:
    """Return a line as `usage --format csv` must show it, without the columns that the storage numbers."""
    customer = installation.catalog.customer(line.contract.customer_id)
    assert customer is not None
    return {
        "contract_id": line.contract.id,
        "customer_id": customer.id,
        "external_customer_id": customer.external_id or "",
        "plan_id": line.plan.id,
        "pricing_id": line.pricing.id,
        "meter_id": line.meter.id,
        "meter_code": line.meter.code,
        "aggregation": line.meter.aggregation,
        "group": show_group(line.group),
        "period_start": show(line.period.start),
        "period_end": show(line.period.end),
        "quantity": "" if line.quantity is None else plain(line.quantity),
        "event_count": str(line.event_count),
        "unusable_count": str(line.unusable_count),
        "first_event_at": _instant(line.first_event_at),
        "last_event_at": _instant(line.last_event_at),
        "status": line.status,
        "kind": "usage",
    }


def _instant(at: datetime | None) -> str:
    return "" if at is None else show(at)


def canonical(line: dict[str, str]) -> dict[str, str]:
    """Return a line with its group parsed as JSON; raises DisagreementError if the group is not written in its plain form."""
    if re.search(r'[0-9][eE]|": |, "', re.sub(r'"(?:[^"\\]|\\.)*"', '""', line["group"])):
        raise DisagreementError("group", line["group"])
    pairs = json.loads(line["group"], object_pairs_hook=list, parse_float=_number, parse_int=_number)
    found = {name: cell for name, cell in line.items() if name not in NOT_FROM_RULES}
    found["group"] = repr(pairs)
    if line["status"] == "unsupported":
        del found["aggregation"]
    return found


def _number(text: str) -> Decimal:
    if plain(Decimal(text)) != text:
        raise DisagreementError("group", f"{text} is not plain")
    return Decimal(text)


def order(line: dict[str, str]) -> tuple[str, ...]:
    return tuple(line[name] for name in IDENTITY)


def actual_event(actual: dict[str, Any]) -> tuple[object, ...]:
    key = actual["key"]
    properties = sorted((name, typed(value)) for name, value in actual["properties"].items())
    return (
        actual["timestamp"],
        actual["event_name"],
        actual["customer_id"],
        "derived" if key.startswith("derived-") else key,
        actual["contract_id"],
        actual["is_deleted"],
        properties,
    )


def expected_events(installation: Installation) -> list[tuple[object, ...]]:
    return [
        (
            show(event.at),
            event.content.event_name,
            event.content.customer_id,
            key[1] if key[0] == "given" else "derived",
            event.content.contract_id,
            event.content.is_deleted,
            sorted(event.content.properties),
        )
        for key, event in installation.events.items()
    ]


def actual_unassigned(actual: list[dict[str, Any]]) -> dict[tuple[str, str, str], int]:
    return {(one["customer_id"], one["event_name"], one["reason"]): one["event_count"] for one in actual}
