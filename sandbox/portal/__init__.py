"""A partner's order portal as such portals are: pages and forms for people, no API, nothing that notices an order entered twice.

    rules.py     items, drafts, orders: what it accepts, what things cost
    pages.py     its pages
    server.py    sessions, faults, which page answers what
    load.py      the sandbox company's partner: its range, and what was entered by hand so far
"""
