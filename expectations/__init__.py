"""Checks at the two borders that dbt does not guard: what lands, and what is about to be published."""
