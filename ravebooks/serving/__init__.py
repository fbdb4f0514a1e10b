"""HTTP: one server for every process, on waitress, that nobody holds up and that reads as strictly as any other."""
