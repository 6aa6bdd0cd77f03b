"""Releases of the official SDK as clients, each in an environment of its own."""
