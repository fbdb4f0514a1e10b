"""Ravetree, by its contract."""
