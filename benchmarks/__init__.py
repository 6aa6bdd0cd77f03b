"""The figures of the README. Each is a ratio to a peer or a floor, measured within one run."""
