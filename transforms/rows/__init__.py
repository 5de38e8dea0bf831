"""One row of an export, accepted or rejected."""
