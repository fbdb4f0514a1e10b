"""Who gets in: passwords, links, sessions' ends, and tokens for the API."""
