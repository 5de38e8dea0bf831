"""The output that people and machines read."""
