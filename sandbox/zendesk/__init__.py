"""A stand-in for Zendesk Support: a real mutable helpdesk on this machine that answers by the vendor's documented rules.

Every rule names the page of developer.zendesk.com that it follows; where the pages are silent the comment says "not documented" and what was chosen.
"""
