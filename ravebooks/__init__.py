"""Puts the parts together, and the command line."""
