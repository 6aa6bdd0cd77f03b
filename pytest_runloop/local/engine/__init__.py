"""Sandbox engines: what isolates a devbox on this machine, in tiers."""
