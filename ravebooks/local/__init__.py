"""The local environment: what nobody set, the sandbox beside it, and its connection."""
