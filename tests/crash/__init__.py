"""Runs that are killed at any step of their work, from a seed: `python -m tests.crash --seeds 1000`.

Light processes drive the same `session` that the plugin drives, against a served local backend, which plays
the cloud. After each death the next run, or `pytest-runloop sweep`, clears up. Then the backend's own list
must show no devbox of the case, and every devbox that is somebody else's untouched.
"""
