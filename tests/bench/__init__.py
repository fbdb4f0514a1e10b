"""How fast the product is, beside its peers: `make bench`, or `python -m tests.bench PART …`."""
