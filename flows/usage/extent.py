"""Decide how much a publish recomputes, by comparing the catalog and settings with those of the last publish."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection

from flows.catalog.read_catalog import catalog_frames
from flows.catalog.settings import billing_time_zone
from flows.usage.rollup_basis import RollupState, read_state
from transforms.usage.meters import MeterRule


@dataclass(frozen=True)
class Scope:
    """What a publish goes by, and how much it has to recompute: what was made by other rules is remade."""

    rules: tuple[MeterRule, ...]
    state: RollupState
    is_everything: bool
    is_everyone: bool


def scope_of(connection: Connection) -> Scope:
    """Compare what the folded usage and the lines were last made from with what holds now."""
    catalog = catalog_frames(connection)
    zone = billing_time_zone(connection)
    before = read_state(connection)
    now = RollupState(zone, digest(catalog.rules), catalog.version)
    is_everything = before is None or replace(before, catalog_version=now.catalog_version) != now
    return Scope(catalog.rules, now, is_everything=is_everything, is_everyone=before != now)


def digest(rules: Sequence[MeterRule]) -> str:
    """What the meters' rules are, in few characters: usage folded by other rules is remade."""
    told: list[dict[str, Any]] = [asdict(rule) for rule in sorted(rules, key=lambda rule: rule.meter_no)]
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()
