"""The Postgres tables: what is kept, at which grain, and what is unique."""

from schemas.tables import catalog, events, imports, usage

__all__ = ["catalog", "events", "imports", "usage"]
