"""The way back to where a test failed: `pytest-runloop shell` and `pytest-runloop repro`."""
