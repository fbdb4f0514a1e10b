"""Names that several rooms use. Exchanges, queues and routing keys are declared in `publishers.topology`."""

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

METRICS_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client's: the folder in which the processes of one `ravebooks web` add up their metrics."""

REQUEST_ID_KEY = "ravebooks.request_id"
"""Where a request's id stands in its WSGI environment."""
