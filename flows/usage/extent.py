"""Decide how much a publish recomputes, by comparing the catalog and settings with those of the last publish."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum

from sqlalchemy import Connection

from flows.catalog.read_catalog import current_version, meter_rules
from flows.catalog.settings import billing_time_zone
from flows.usage.rollup_basis import RollupState, read_state
from transforms.usage.meters import MeterRule


class Extent(Enum):
    """The extent of what a publish recomputes."""

    ARRIVED = "the lines that its events touch"
    CHANGED_CONTRACTS = "also the lines of customers whose contracts or pricings have changed"
    EVERYTHING = "all folded usage and all lines, because the meters or the billing time zone have changed"


@dataclass(frozen=True)
class Scope:
    """The rules and settings that a publish goes by, and how much it recomputes."""

    rules: tuple[MeterRule, ...]
    state: RollupState
    extent: Extent


def scope_of(connection: Connection) -> Scope:
    """Compare the basis that usage and lines were last made from with the current catalog and settings."""
    rules = meter_rules(connection)
    zone = billing_time_zone(connection)
    before = read_state(connection)
    now = RollupState(zone, digest(rules), current_version(connection))
    if before is None or replace(before, catalog_version=now.catalog_version) != now:
        extent = Extent.EVERYTHING
    else:
        extent = Extent.ARRIVED if before == now else Extent.CHANGED_CONTRACTS
    return Scope(rules, now, extent)


def digest(rules: Sequence[MeterRule]) -> str:
    """Return a hash of the rules of the meters: usage that was folded by other rules is folded anew."""
    documents = [asdict(rule) for rule in sorted(rules, key=lambda rule: rule.meter_no)]
    return hashlib.sha256(json.dumps(documents, default=str, sort_keys=True).encode()).hexdigest()
