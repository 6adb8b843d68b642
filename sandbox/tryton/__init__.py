"""The sandbox's ERP and CRM: a real Tryton 8.2 with the company's history in it.

Tryton is GPL-3 and lives in an environment of its own; only the scripts in `inside/` import it, and they run there, as
subprocesses. This side needs the standard library alone.
"""
