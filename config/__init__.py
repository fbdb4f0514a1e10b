"""What every room may know: settings, names, ports, errors, logging and telemetry."""
