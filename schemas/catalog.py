"""The catalog: customers, meters, plans with their pricing, and contracts."""

from enum import StrEnum


class Interval(StrEnum):
    """What a billing period is counted in."""

    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"
