"""Tunnels: HTTP from this machine's loopback interface to ports of devboxes.

A connection is carried request by request (`relay`): heads are read, bodies are counted and passed on as they
are. So it is known when a request ends, each can be checked, and everything after an upgrade is plain bytes.
"""

from .tunnels import Tunnels

__all__ = ["Tunnels"]
