"""Make random events, their corrections, and rows that must be rejected."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from tests.reference.world import Draft
from tests.reference.world_catalogs import CatalogMaker
from tests.reference.world_values import (
    BROKEN_FIELDS,
    BROKEN_ROWS,
    BROKEN_TIMESTAMPS,
    BROKEN_VALUES,
    DAY,
    HOUR,
    MICROSECOND,
    NO_PROPERTIES,
    NUMBERS,
    RARE_NUMBERS,
    TEXTS,
)


class EventMaker(CatalogMaker):
    """The events of a world."""

    def instant(self) -> datetime:
        kind = self.random.random()
        if kind < 0.25 and self.boundaries:
            at = self.pick(self.boundaries) + self.pick((-1, 0, 0, 1)) * self.pick(
                (MICROSECOND, HOUR, MICROSECOND)
            )
        elif kind < 0.4:
            day = (self.today - self.random.randrange(120) * DAY).date().replace(day=1)
            at = self.midnight(day) + self.pick((-1, 0, 1)) * MICROSECOND
        elif kind < 0.5:
            at = self.clock + self.pick((HOUR, -HOUR, HOUR - MICROSECOND, timedelta(0)))
        else:
            at = self.today - self.random.random() * self.pick((1, 3, 20, 60, 90, 400)) * DAY
        return min(at, self.clock + HOUR)

    def written_instant(self, at: datetime) -> str:
        offset = timedelta(minutes=self.pick((0, 0, 0, 60, -480, 345, -210, 840)))
        local = at + offset
        text = local.strftime(f"%Y-%m-%d{self.pick('TTt ')}%H:%M:%S")
        if local.microsecond or self.chance(0.1):
            text += f".{local.microsecond:06d}" + self.pick(("", "", "9", "123"))
        if not offset:
            return text + self.pick(("Z", "Z", "z", "UTC", " UTC", "+00:00", "-0000", " +00"))
        minutes = abs(int(offset.total_seconds())) // 60
        sign = "-" if offset < timedelta(0) else "+"
        zones = [f"{minutes // 60:02d}:{minutes % 60:02d}", f"{minutes // 60:02d}{minutes % 60:02d}"]
        if minutes % 60 == 0:
            zones.append(f"{minutes // 60:02d}")
        return text + self.pick(("", "", " ")) + sign + self.pick(zones)

    def literal(self) -> str:
        kind = self.random.random()
        if kind < 0.45:
            return str(self.pick(NUMBERS))
        if kind < 0.46:
            return str(self.pick(RARE_NUMBERS))
        if kind < 0.55:
            return str(self.pick(("true", "false")))
        return self.quoted(self.pick(TEXTS))

    def quoted(self, text: str) -> str:
        if text and self.chance(0.1):
            return '"' + "".join(f"\\u{ord(c):04X}" if ord(c) < 0x10000 else c for c in text) + '"'
        return json.dumps(text, ensure_ascii=self.chance(0.5))

    def new_draft(self, *, keyed: bool) -> Draft:
        draft = Draft({}, [])
        draft.fields["eventName"] = self.quoted(self.pick(self.names))
        self.name_customer(draft, self.pick(self.documents.customers))
        if self.chance(0.95):
            self.set_instant(draft, self.instant())
        if self.chance(0.12):
            self.pin(draft)
        if keyed:
            self.key_count += 1
            key = f"k-{self.key_count}" + self.pick(
                ("", "", "", "'", '"', "%s", "{x}", " ", "é", "-" + "k" * 240)
            )
            draft.fields["idempotencyKey"] = self.quoted(key)
        draft.properties = self.some_properties()
        return draft

    def some_properties(self) -> list[tuple[str, str]]:
        names = self.random.sample(self.properties, self.random.randint(0, 4))
        return [(name, self.literal()) for name in names]

    def name_customer(self, draft: Draft, customer: dict[str, Any]) -> None:
        for name in ("customerId", "externalCustomerId"):
            draft.fields.pop(name, None)
        external = customer.get("externalCustomerId") or customer.get("metadata", {}).get(
            "externalCustomerId"
        )
        if external is None or self.chance(0.4):
            given = customer["id"]
            if len(given) == 36 and self.chance(0.2):
                given = given.swapcase()
            draft.fields["customerId"] = self.quoted(given)
        if external is not None and ("customerId" not in draft.fields or self.chance(0.2)):
            draft.fields["externalCustomerId"] = self.quoted(external)

    def set_instant(self, draft: Draft, at: datetime) -> None:
        draft.at = at
        draft.fields["timestamp"] = json.dumps(self.written_instant(at))

    def pin(self, draft: Draft) -> None:
        for contract in self.random.sample(self.documents.contracts, len(self.documents.contracts)):
            owner = next(
                (one for one in self.documents.customers if one["id"] == contract["customerId"]), None
            )
            if owner is not None:
                self.name_customer(draft, owner)
                draft.fields["contractId"] = self.quoted(contract["id"])
                return

    def correction(self, draft: Draft) -> Draft:
        draft = deepcopy(draft)
        change = self.pick(
            ("customer", "name", "time", "properties", "properties", "omitted", "pin", "nothing")
        )
        if change == "customer":
            draft.fields.pop("contractId", None)
            self.name_customer(draft, self.pick(self.documents.customers))
        elif change == "name":
            draft.fields["eventName"] = self.quoted(self.pick(self.names))
        elif change == "time":
            self.set_instant(draft, self.instant())
        elif change == "properties":
            draft.properties = self.some_properties()
        elif change == "omitted":
            draft.fields.pop("timestamp", None)
            draft.at = None
        elif change == "pin":
            self.pin(draft)
        return draft

    def next_draft(self) -> Draft:
        kind = self.random.random()
        keyed = [draft for draft in self.drafts if "idempotencyKey" in draft.fields]
        if kind < self.bad_share:
            draft = self.new_draft(keyed=self.chance(0.8))
            self.spoil(draft)
            if self.chance(0.15):
                self.spoil(draft)
            return draft
        if self.drafts and kind < self.bad_share + 0.08:
            return deepcopy(self.pick(self.drafts))
        if keyed and kind < self.bad_share + 0.2:
            return self.correction(self.pick(keyed))
        draft = self.new_draft(keyed=self.chance(0.75))
        self.drafts.append(draft)
        return draft

    # Rows that must be rejected

    def spoil(self, draft: Draft) -> None:
        ways = (
            self.spoil_row,
            self.spoil_name,
            self.spoil_customer,
            self.mistake_customer,
            self.mismatch_customers,
        )
        more = (
            self.spoil_timestamp,
            self.move_to_the_future,
            self.spoil_properties,
            self.spoil_field,
            self.spoil_pin,
        )
        self.pick(ways + more)(draft)

    def spoil_row(self, draft: Draft) -> None:
        draft.raw = self.pick(BROKEN_ROWS)

    def spoil_name(self, draft: Draft) -> None:
        draft.fields["eventName"] = self.pick(("null", '""'))

    def spoil_customer(self, draft: Draft) -> None:
        draft.fields.pop("customerId", None)
        draft.fields.pop("externalCustomerId", None)
        if self.chance(0.3):
            draft.fields["customerId"] = '""'

    def mistake_customer(self, draft: Draft) -> None:
        known = [one["externalCustomerId"] for one in self.documents.customers if "externalCustomerId" in one]
        near = [text.swapcase() for text in known] + [f"{text[:250]} " for text in known]
        given = self.pick(["nobody", "null", "new one", "00000000-0000-0000-0000-000000000000", *near])
        name = self.pick(("customerId", "externalCustomerId", "externalCustomerId"))
        draft.fields[name] = self.quoted(given)

    def mismatch_customers(self, draft: Draft) -> None:
        draft.fields["customerId"] = self.quoted(self.pick(self.documents.customers)["id"])
        known = [one["externalCustomerId"] for one in self.documents.customers if "externalCustomerId" in one]
        if known:
            draft.fields["externalCustomerId"] = self.quoted(self.pick(known))

    def spoil_timestamp(self, draft: Draft) -> None:
        draft.fields["timestamp"] = self.pick(BROKEN_TIMESTAMPS)

    def move_to_the_future(self, draft: Draft) -> None:
        ahead = self.pick((HOUR + MICROSECOND, HOUR + timedelta(seconds=1), 40 * DAY))
        self.set_instant(draft, self.clock + ahead)

    def spoil_properties(self, draft: Draft) -> None:
        if self.chance(0.3):
            draft.fields["properties"] = self.pick(NO_PROPERTIES)
        elif self.chance(0.1):
            draft.properties.append(("nu\0l", "1"))
        else:
            draft.properties.append(("bad", self.pick(BROKEN_VALUES)))
            if self.chance(0.1):
                draft.properties.append(("bad", "1"))

    def spoil_field(self, draft: Draft) -> None:
        name = self.pick(("eventName", "customerId", "externalCustomerId", "idempotencyKey", "contractId"))
        draft.fields[name] = self.pick(BROKEN_FIELDS)

    def spoil_pin(self, draft: Draft) -> None:
        others = [one["id"] for one in self.documents.contracts]
        draft.fields["contractId"] = self.quoted(self.pick(["no contract", *others]))
