"""The local backend, through HTTP."""
