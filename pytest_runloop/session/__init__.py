"""One pytest run: its settings, its directory, its devboxes, and their end."""
