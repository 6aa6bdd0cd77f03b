"""Terminals in devboxes, by name: made and steered over HTTP, used over a WebSocket, kept between clients."""
