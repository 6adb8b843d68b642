"""What the story plants on purpose: the dates, names and strengths that tests and truth.json look for.

The generator reads these; nothing else decides them. Rates are shares between 0 and 1, days are reporting days (Europe/Berlin).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

COMPANY = "Lantern & Oak GmbH"
TIME_ZONE = "Europe/Berlin"
CURRENCY = "EUR"
STARTS_ON = date(2025, 5, 1)
ENDS_ON = date(2026, 10, 31)
WORLD_ENDS_ON = date(2026, 12, 31)  # the story is known to its writer until here, so that the company can live on after the first night

# Things that go wrong.
DRIFTING_SUPPLIER = "S004"
DRIFT_FROM = date(2026, 6, 1)  # promised days from here on
LATE_RATE_BEFORE = 0.03
LATE_RATE_AFTER = 0.36
STEADY_LATE_CEILING = 0.09  # no other supplier's trailing 90-day rate ever passes this

LOSING_CHANNEL = "social"
CHANNEL_ROI = {"social": 0.58, "paid search": 2.3, "marketplace": 3.4, "email": 8.5}  # gross margin / spend over the whole history
LOSING_CAMPAIGN = "Creator Collab"

SURGE_FIRST = date(2026, 5, 11)  # a Monday
SURGE_LAST = date(2026, 5, 17)
SURGE_FACTOR = 3.2

DEFECT_PRODUCT = "LMP-120"
DEFECT_FROM = date(2026, 7, 6)  # orders placed from here on may contain the bad lot
DEFECT_RATE = 0.30  # share of delivered orders with the product that complain

UNCOVERED_TEAM = "Support APAC"
UNCOVERED_WEEKDAY = "sun"

WEAK_TEAM = "Support Pacific"  # CSAT clearly below the others
STRAINED_PAIR = ("logistics", "sales")  # the one department is not content with the other
SCARCE_WAREHOUSE = "RNO"  # runs out of goods far more often than the others

REAL_PROJECT_FROM = date(2026, 1, 19)
REAL_WAREHOUSE = "BER"
REAL_PICK_FACTOR = 0.22  # time to pick, against before

SHAM_PROJECT_FROM = date(2026, 3, 2)
SHAM_DIP_FIRST = date(2026, 2, 16)  # a flu fortnight just before the sham project makes it look as if it had helped
SHAM_DIP_LAST = date(2026, 3, 1)
SHAM_DIP_FACTOR = 1.35

OVER_BUDGET_CATEGORY = "express shipping"
OVER_BUDGET_UNIT = "Fulfilment"
OVER_BUDGET_FROM = date(2026, 1, 1)
OVER_BUDGET_FACTOR = 1.24


@dataclass(frozen=True, kw_only=True)
class Campaign:
    name: str
    channel: str
    first: date
    last: date
    factor: float  # orders against an ordinary day, over all channels
    share: float  # share of the channel's orders that carry the campaign


CAMPAIGNS = (
    Campaign(name="Summer Desk Refresh", channel="paid search", first=date(2025, 6, 16), last=date(2025, 6, 29), factor=1.2, share=0.6),
    Campaign(name="Back to Work", channel="email", first=date(2025, 9, 1), last=date(2025, 9, 14), factor=1.25, share=0.7),
    Campaign(name="Black Week", channel="paid search", first=date(2025, 11, 24), last=date(2025, 12, 1), factor=1.7, share=0.8),
    Campaign(name="New Year Reset", channel="email", first=date(2026, 1, 5), last=date(2026, 1, 18), factor=1.2, share=0.6),
    Campaign(name="Spring Light", channel="paid search", first=date(2026, 3, 23), last=date(2026, 4, 5), factor=1.15, share=0.5),
    Campaign(name="Summer Desk Refresh 2026", channel="paid search", first=date(2026, 6, 15), last=date(2026, 6, 28), factor=1.2, share=0.6),
    Campaign(name="Back to Work 2026", channel="email", first=date(2026, 8, 31), last=date(2026, 9, 13), factor=1.25, share=0.7),
    Campaign(name="Black Week 2026", channel="paid search", first=date(2026, 11, 23), last=date(2026, 11, 30), factor=1.7, share=0.8),
    Campaign(name="Brand search", channel="paid search", first=STARTS_ON, last=WORLD_ENDS_ON, factor=1.0, share=0.35),
    Campaign(name="Lantern letter", channel="email", first=STARTS_ON, last=WORLD_ENDS_ON, factor=1.0, share=0.5),
    Campaign(name="Creator Collab", channel="social", first=date(2026, 4, 1), last=WORLD_ENDS_ON, factor=1.0, share=0.55),
)

ORDERS = {"small": 2500, "full": 50_000}
TICKETS = {"small": 1200, "full": 15_000}
LEADS = {"small": 400, "full": 5000}
PURCHASES = {"small": 350, "full": 4000}
