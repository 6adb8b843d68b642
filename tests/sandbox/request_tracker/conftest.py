"""One real Request Tracker for the session (fixtures in real.py, shared with tests/connectors)."""

from tests.sandbox.request_tracker.real import helpdesk, plan, request_tracker_installed

__all__ = ["helpdesk", "plan", "request_tracker_installed"]
