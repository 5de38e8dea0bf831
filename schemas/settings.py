"""Settings: what changes numbers and is therefore kept in the database."""

from enum import StrEnum


class Setting(StrEnum):
    """A setting's name."""

    BILLING_TIME_ZONE = "billing_time_zone"
    """The IANA zone in which days and billing periods begin."""


DEFAULTS = {Setting.BILLING_TIME_ZONE: "UTC"}
