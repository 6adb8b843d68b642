"""Fixtures of all connector tests."""

from tests.connectors.faults import faults

__all__ = ["faults"]
