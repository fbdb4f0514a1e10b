"""Tests of `sync/records`."""
