"""Tests of flows that need files only."""
