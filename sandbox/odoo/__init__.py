"""A stand-in for Odoo 16 to 19: a mutable truth behind both of the vendor's APIs and their documented rules, and the sandbox company's trade in it.

Standard library alone; served on 127.0.0.1 only.
"""
