"""A stand-in for Freshdesk's API v2: desk.py is the mutable truth, rules.py the limits and refusals, server.py the answers, load.py brings the sandbox
company's plan in. Follows the vendor's "API documentation" (developers.freshdesk.com), cited by section; where that is silent, the comment says so.
"""
