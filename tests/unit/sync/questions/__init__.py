"""Tests of `sync/questions`."""
