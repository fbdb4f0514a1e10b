"""The workers: recorder, reconciler, sweeper."""
