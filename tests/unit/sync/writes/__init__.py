"""Tests of `sync/writes`."""
