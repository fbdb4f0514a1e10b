"""The parts of one process, by what they are for."""
