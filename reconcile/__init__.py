"""The rules: values in, plan out. Pure: no I/O, no clock, no framework, nothing of this project."""
