"""A stand-in for Salesforce: a mutable truth behind the vendor's documented rules, and the sandbox company's customers, leads and cases in it.

Standard library alone; served on 127.0.0.1 only.
"""
