"""Snapshots that test runs left: `pytest-runloop snapshots` lists them, and deletes those that are chosen."""
