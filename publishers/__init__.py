"""Confirmed publishing on RabbitMQ, its topology, the outbox and its relay."""
