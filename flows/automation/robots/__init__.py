"""Robots: actions through a browser, for systems that have pages for people and nothing else.

    browser.py     a Chromium in a thread of its own; a form that is sent once and never again by the browser itself
    forms.py       what a page is expected to look like, and what is read off it
    evidence.py    what is kept of a failure: picture, trace, reason – with nobody's name in them
    portal_*.py    one portal: its pages, its session, what is done there

For another portal write the last three; the first three know none.
"""
