"""A stand-in for an ERPNext site: a mutable truth behind the framework's rules, and the sandbox company's orders, purchases and leads in it.

Standard library alone; served on 127.0.0.1 only.
"""
