"""The whole system as several processes that are interleaved at every boundary of input and output, under one seed.

Receivers, publishers, loops, sweepers, relays and workers are the product's own; broker, database connections, network
and clock are simulated. `make simulate SEEDS=100` plays, `docs/reliability.md` says what is held.
"""
