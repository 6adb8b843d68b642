"""A stand-in for Shopify's Admin GraphQL API: a mutable truth behind the vendor's documented rules, and the sandbox company's sales in it.

Standard library alone; served on 127.0.0.1 only.
"""
