"""The Flask app's receivers, health and metrics."""
