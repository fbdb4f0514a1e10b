"""How much of the rules the tests hold fast: `make mutation`, or `python -m tests.mutation --sample 500`."""
