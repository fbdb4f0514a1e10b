"""The command lines: each emulator by itself, or both in one process."""
