"""Measurements, run by hand. Every one checks its result; none is a test of a time."""
