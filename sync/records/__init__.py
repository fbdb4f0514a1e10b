"""One kind of record after the other: gathered, planned, written."""
