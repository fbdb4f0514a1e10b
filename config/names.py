"""Names of exchanges, queues and routing keys: declared in `publishers.topology`, used everywhere else."""

EVENTS_EXCHANGE = "ravebooks.events"
"""Topic exchange that takes every delivery; routing keys are `<source>.<account or realm>`."""

DEAD_EXCHANGE = "ravebooks.dead"
"""Fanout exchange in front of the queue of the same name."""

INBOUND_QUEUE = "ravebooks.inbound"
RECONCILE_QUEUE = "ravebooks.reconcile"
"""Wake-ups, one connection each, published through the default exchange."""

DEAD_QUEUE = "ravebooks.dead"

DELIVERY_LIMIT = 20
"""Deliveries of one message before it is dead-lettered. RabbitMQ 4 has the same default, 3.10 has none."""
