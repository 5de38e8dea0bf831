"""Tests of flows that need a real Postgres."""
