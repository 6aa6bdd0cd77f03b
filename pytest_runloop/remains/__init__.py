"""What runs of pytest have, or have left: `pytest-runloop ps` tells it, `pytest-runloop sweep` ends it."""
