"""What people ask: previews, drift, parity, pre-flight. Nothing here writes to a neighbour."""
