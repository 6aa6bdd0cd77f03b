"""Services and MCP servers that devboxes call without having the credentials."""

from .gateways import Gateways

__all__ = ["Gateways"]
