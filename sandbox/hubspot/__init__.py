"""A stand-in for HubSpot's CRM: a mutable truth behind the vendor's documented rules, and the sandbox company's customers and leads in it.

Standard library alone; served on 127.0.0.1 only.
"""
