"""Tests of flows that need a real Prefect server."""
