"""The engine: brings both books of a connection into agreement."""
