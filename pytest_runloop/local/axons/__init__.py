"""Axons: streams of events that outlive the server, each with a SQLite database."""
