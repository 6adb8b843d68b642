"""Playbooks, proposals, approvals, and what executes them. Knows nothing of Prefect."""
