"""One suite for the real clients in front of the sandboxes and for the neighbours in memory."""
