"""SSH into devboxes: an OpenSSH server inside, a port of the loopback interface outside."""

from __future__ import annotations

from .ssh import SSH

__all__ = ["SSH"]
