"""Writes: journalled before they are sent, settled as facts."""
