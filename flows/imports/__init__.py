"""Everything that has an id in ``imports`` and ends in one publish."""
