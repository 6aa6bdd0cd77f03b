"""Runs that are killed at any step of their work, from a seed: `python -m tests.crash --seeds 1000`.

Forked processes are the controller and the workers of a run with the plugin, against a served local backend,
which plays the cloud. Their tests pass, fail or lose their devbox; snapshots are taken, devboxes kept,
evidence collected, tests repeated. After each death the watcher, the next run or `pytest-runloop sweep`
clears up. Then the backend's own list must show no devbox of the case but what was to be kept, and every
devbox that is somebody else's untouched.
"""
