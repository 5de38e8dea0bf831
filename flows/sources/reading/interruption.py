"""Interruption: the source breaks off, and what was read before stands."""


class BreakOffError(Exception):
    """The source breaks off in the middle; its text says how."""
