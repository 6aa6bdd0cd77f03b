"""The local backend: real devboxes on this machine, behind the same API as the cloud."""
