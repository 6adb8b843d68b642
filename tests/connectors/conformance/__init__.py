"""One suite for every connector: whatever happens while it reads, what has landed in the end is what the source holds.

    subject.py            what a kind brings along (subjects/<kind>.py): its stand-in, how to change it, and what is true there
    suite.py              Bench: the real ingest with a ledger and a landing on disk, deaths and faults in between, and the verdict, a number
    histories.py          random histories: changes, nights, deaths at any page, changes between two pages, faults on the line
    proxy.py              the bad line between a connector and its source
    test_conformance.py   every subject through all of it; `make drill` runs 200 histories of each, `make test` a few
    test_suite.py         the suite sees a connector that loses, doubles, skips or misses deletes

    MERIDIAN_SEED=<number> repeats the histories of a run: each run prints its seed.
"""
