"""What callers may pass: TypedDicts with required and optional keys and the allowed literals."""
