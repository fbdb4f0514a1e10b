"""Both neighbours in memory: what their clients do, without HTTP and without the sandboxes."""
