"""Prometheus on the running processes: rules, boards, and alerts that fire and recover."""
