"""What operators see and are told."""
