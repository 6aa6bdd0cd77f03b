"""Puts pooled devboxes back to their starting state between tests, and proves it."""
