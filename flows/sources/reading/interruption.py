"""Define the error of a source that breaks off; the rows read before it stand."""


class InterruptionError(Exception):
    """The source breaks off in the middle; the message says how."""
