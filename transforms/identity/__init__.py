"""Which events are one: keys, content, outcomes."""
