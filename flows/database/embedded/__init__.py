"""The embedded Postgres: its programs, its data directory, its settings, and its start and stop."""
