"""Scenarios, what scores them, benchmarks, and the runs of all these."""
