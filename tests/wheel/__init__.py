"""What `make wheel` builds, where nothing of this checkout is."""
