"""Master data: what Lantern & Oak sells, from whom, from where, and who works there."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from sandbox.company.names import person
from sandbox.company.plan import Agent, Calendar, Offer, Product, Rate, SlaPolicy, Supplier, Team, Warehouse
from sandbox.company.planted import DRIFT_FROM, DRIFTING_SUPPLIER, STARTS_ON, WORLD_ENDS_ON

WAREHOUSES = (
    Warehouse(code="BER", name="Berlin-Großbeeren", region="EMEA", time_zone="Europe/Berlin"),
    Warehouse(code="RNO", name="Reno", region="AMER", time_zone="America/Los_Angeles"),
    Warehouse(code="SGP", name="Singapore Jurong", region="APAC", time_zone="Asia/Singapore"),
)

TEAMS = (
    Team(name="Support EMEA", department="service", time_zone="Europe/Berlin", calendar="support-emea"),
    Team(name="Support APAC", department="service", time_zone="Asia/Singapore", calendar="support-apac"),
    Team(name="Support AMER", department="service", time_zone="America/Denver", calendar="support-amer"),
    Team(name="Support Pacific", department="service", time_zone="Pacific/Auckland", calendar="support-pacific"),
    Team(name="Billing", department="finance", time_zone="Europe/Berlin", calendar="support-emea"),
    Team(name="Warehouse desk", department="logistics", time_zone="Europe/Berlin", calendar="support-emea"),
    Team(name="Quality", department="quality", time_zone="Asia/Singapore", calendar="support-apac"),
    Team(name="Sales", department="sales", time_zone="Europe/Berlin", calendar="support-emea"),
)

HEADS = {
    "small": {"Support EMEA": 4, "Support APAC": 4, "Support AMER": 4, "Support Pacific": 3, "Billing": 2, "Warehouse desk": 2, "Quality": 2, "Sales": 4},
    "full": {"Support EMEA": 14, "Support APAC": 10, "Support AMER": 10, "Support Pacific": 8, "Billing": 4, "Warehouse desk": 5, "Quality": 3, "Sales": 9},
}
TEAM_COUNTRIES = {
    "Support EMEA": ("DE", "PL", "FR"),
    "Support APAC": ("SG", "CN"),
    "Support AMER": ("US", "MX"),
    "Support Pacific": ("NZ", "AU"),
    "Billing": ("DE",),
    "Warehouse desk": ("DE", "PL"),
    "Quality": ("SG", "CN"),
    "Sales": ("DE", "GB", "FR"),
}


def _days(*texts: str) -> tuple[date, ...]:
    return tuple(date.fromisoformat(text) for text in texts)


def _week(opens_at: str, closes_at: str, days: str = "mon tue wed thu fri") -> dict[str, tuple[tuple[str, str], ...]]:
    return {day: ((opens_at, closes_at),) for day in days.split()}


CALENDARS = (
    Calendar(
        name="support-emea",
        time_zone="Europe/Berlin",
        hours=_week("09:00", "18:00"),
        holidays=_days(
            "2025-05-01",
            "2025-05-29",
            "2025-06-09",
            "2025-10-03",
            "2025-12-25",
            "2025-12-26",
            "2026-01-01",
            "2026-04-03",
            "2026-04-06",
            "2026-05-01",
            "2026-05-14",
            "2026-05-25",
            "2026-12-25",
        ),
    ),
    Calendar(
        name="support-apac",
        time_zone="Asia/Singapore",
        hours=_week("09:00", "18:00"),
        holidays=_days(
            "2025-05-01",
            "2025-05-12",
            "2025-10-20",
            "2025-12-25",
            "2026-01-01",
            "2026-02-17",
            "2026-02-18",
            "2026-04-03",
            "2026-05-01",
            "2026-08-10",
            "2026-11-09",
            "2026-12-25",
        ),
    ),
    Calendar(
        name="support-amer",
        time_zone="America/Denver",
        hours=_week("08:00", "17:00"),
        holidays=_days(
            "2025-05-26", "2025-07-04", "2025-09-01", "2025-11-27", "2025-12-25", "2026-01-01", "2026-05-25", "2026-09-07", "2026-11-26", "2026-12-25"
        ),
    ),
    Calendar(
        name="support-pacific",
        time_zone="Pacific/Auckland",
        hours=_week("08:00", "16:00"),
        holidays=_days(
            "2025-06-02",
            "2025-10-27",
            "2025-12-25",
            "2025-12-26",
            "2026-01-01",
            "2026-01-02",
            "2026-02-06",
            "2026-04-03",
            "2026-04-06",
            "2026-04-27",
            "2026-06-01",
            "2026-10-26",
            "2026-12-25",
        ),
    ),
    Calendar(name="always", time_zone="UTC", hours=_week("00:00", "24:00", "mon tue wed thu fri sat sun")),
)

# One standard promise a region, counted in the hours of its desk; premium customers are served around the clock.
SLA_POLICIES = (
    *(
        SlaPolicy(
            name=calendar.name.replace("support", "standard"),
            first_reply_minutes={"urgent": 90, "high": 200, "normal": 420, "low": 840},
            next_reply_minutes={"urgent": 180, "high": 360, "normal": 780, "low": 1200},
            resolution_minutes={"urgent": 720, "high": 1440, "normal": 2160, "low": 3240},
            calendar=calendar.name,
            pauses_on_pending=True,
        )
        for calendar in CALENDARS
        if calendar.name != "always"
    ),
    SlaPolicy(
        name="premium",
        first_reply_minutes={"urgent": 90, "high": 200, "normal": 420, "low": 840},
        next_reply_minutes={"urgent": 240, "high": 480, "normal": 960, "low": 1440},
        resolution_minutes={"urgent": 1440, "high": 2880, "normal": 4320, "low": 5760},
        calendar="always",
        pauses_on_pending=True,
    ),
)

# code, name, category, list price, cost share of the price, key item
_PRODUCTS = (
    ("LMP-100", "Halo desk lamp, oak foot", "Lighting", "89.00", 0.44, True),
    ("LMP-110", "Halo floor lamp", "Lighting", "149.00", 0.46, True),
    ("LMP-120", "Ember clamp lamp", "Lighting", "69.00", 0.41, True),
    ("LMP-130", "Dusk monitor light bar", "Lighting", "59.00", 0.43, True),
    ("LMP-140", "Paper lantern 暖灯", "Lighting", "39.00", 0.38, False),
    ("LMP-150", "Ring light for calls", "Lighting", "45.00", 0.48, False),
    ("LMP-160", "Spare bulb, warm white, two", "Lighting", "12.90", 0.35, False),
    ("DSK-200", "Standing desk frame, 120 cm", "Desks", "399.00", 0.58, True),
    ("DSK-210", "Oak desktop, 140 × 70", "Desks", "229.00", 0.55, True),
    ("DSK-220", "Desk converter", "Desks", "189.00", 0.56, True),
    ("DSK-230", "Under-desk drawer", "Desks", "49.00", 0.47, False),
    ("DSK-240", "Cable tray, steel", "Desks", "29.00", 0.42, False),
    ("DSK-250", "Felt desk mat", "Desks", "35.00", 0.36, False),
    ("SEA-300", "Task chair Linde", "Seating", "349.00", 0.57, True),
    ("SEA-310", "Kneeling stool", "Seating", "159.00", 0.52, True),
    ("SEA-320", "Lumbar cushion", "Seating", "39.00", 0.40, False),
    ("SEA-330", "Foot rest, beech", "Seating", "44.00", 0.43, False),
    ("SEA-340", "Chair mat, recycled", "Seating", "55.00", 0.49, False),
    ("ARM-400", "Monitor arm, single", "Mounts", "99.00", 0.50, True),
    ("ARM-410", "Monitor arm, double", "Mounts", "159.00", 0.52, True),
    ("ARM-420", "Laptop stand, folding", "Mounts", "49.00", 0.45, False),
    ("ARM-430", "Tablet holder", "Mounts", "25.00", 0.40, False),
    ("ARM-440", "Headphone hook", "Mounts", "14.90", 0.33, False),
    ("SND-500", "Conference speaker Rondo", "Sound and video", "129.00", 0.53, True),
    ("SND-510", "Webcam 2K", "Sound and video", "79.00", 0.54, False),
    ("SND-520", "Acoustic panel, set of four", "Sound and video", "119.00", 0.46, False),
    ("SND-530", "Desk microphone", "Sound and video", "95.00", 0.51, False),
    ("PWR-600", "Desk charger, 100 W", "Power", "65.00", 0.49, False),
    ("PWR-610", "Travel adapter", "Power", "29.00", 0.41, False),
    ("PWR-620", "Extension block, braided", "Power", "34.00", 0.44, False),
    ("PWR-630", "USB-C cable, 2 m", "Power", "15.90", 0.30, False),
    ("CAR-700", "Laptop sleeve, wool felt", "Carry", "42.00", 0.39, False),
    ("CAR-710", "Remote worker's backpack", "Carry", "119.00", 0.48, False),
    ("CAR-720", "Cable pouch", "Carry", "19.90", 0.34, False),
    ("PLT-800", "Desk planter, terracotta", "Home", "22.00", 0.37, False),
    ("PLT-810", "Notebook, dotted, three", "Home", "18.00", 0.36, False),
)

_SUPPLIERS = (
    ("S001", "深圳光明照明有限公司 (Shenzhen Guangming Lighting)", "CN", 28),
    ("S002", "臺中精密金屬 (Taichung Precision Metal)", "TW", 30),
    ("S003", "Łódzkie Meble Sp. z o.o.", "PL", 14),
    ("S004", "宁波海岚家居有限公司 (Ningbo Hailan Home)", "CN", 32),
    ("S005", "Fábrica Aveiro, Lda.", "PT", 16),
    ("S006", "Công ty Gỗ Sông Bé", "VN", 35),
    ("S007", "Hradec Electronics s.r.o.", "CZ", 12),
    ("S008", "Sierra Pack & Carry LLC", "US", 18),
)
# The three suppliers of a category's key items, preferred one first; the others of the category come from the first alone.
_RANKS = {
    "Lighting": ("S001", "S004", "S007"),
    "Desks": ("S004", "S003", "S006"),
    "Seating": ("S004", "S005", "S003"),
    "Mounts": ("S002", "S004", "S007"),
    "Sound and video": ("S007", "S001", "S002"),
    "Power": ("S007",),
    "Carry": ("S008",),
    "Home": ("S005",),
}

BASE_RATES = {"USD": 1.12, "GBP": 0.853, "CNY": 8.12, "SGD": 1.46, "JPY": 163.0, "AUD": 1.75}


def products() -> tuple[Product, ...]:
    return tuple(
        Product(
            code=code,
            name=name,
            category=category,
            list_price=Decimal(price),
            is_key_item=is_key,
            cost_price=(Decimal(price) * Decimal(str(share))).quantize(Decimal("0.01")),
        )
        for code, name, category, price, share, is_key in _PRODUCTS
    )


def suppliers() -> tuple[Supplier, ...]:
    return tuple(
        Supplier(number=number, name=name, country=country, lead_days=lead_days, drifts_from=DRIFT_FROM if number == DRIFTING_SUPPLIER else None)
        for number, name, country, lead_days in _SUPPLIERS
    )


def offers() -> tuple[Offer, ...]:
    """Backups cost 4 % and 7 % more than the preferred supplier."""
    found: list[Offer] = []
    for product in products():
        ranked = _RANKS[product.category] if product.is_key_item else _RANKS[product.category][:1]
        for rank, supplier in enumerate(ranked, start=1):
            dearer = Decimal("1") + Decimal("0.04") * (rank - 1) - Decimal("0.01") * (rank == 3)
            found.append(Offer(supplier=supplier, product=product.code, rank=rank, price=(product.cost_price * dearer).quantize(Decimal("0.01"))))
    return tuple(found)


def rates(random: Random) -> tuple[Rate, ...]:
    """One rate a working day and currency: a walk that is pulled back to where it came from."""
    found: list[Rate] = []
    level = dict(BASE_RATES)
    day = STARTS_ON - timedelta(days=3)
    while day <= WORLD_ENDS_ON:
        if day.weekday() < 5:
            for currency, base in BASE_RATES.items():
                level[currency] *= 1 + random.gauss(0, 0.0035) - 0.01 * (level[currency] / base - 1)
                found.append(Rate(currency=currency, on=day, rate=Decimal(str(round(level[currency], 4)))))
        day += timedelta(days=1)
    return tuple(found)


def agents(size: str, random: Random) -> tuple[Agent, ...]:
    """The last one of every larger team left during the history; one joined late."""
    found: list[Agent] = []
    for team in TEAMS:
        heads = HEADS[size][team.name]
        for index in range(heads):
            name, plain = person(TEAM_COUNTRIES[team.name][index % len(TEAM_COUNTRIES[team.name])], random)
            email = f"{plain}@lantern-oak.example"
            while any(agent.email == email for agent in found):
                email = f"{plain}{len(found)}@lantern-oak.example"
            hired_on = date(2022, 1, 10) + timedelta(days=random.randrange(1150))
            leaves = index == heads - 1 and heads >= 4 and team.name != "Support EMEA"
            joins = index == heads - 1 and team.name == "Support EMEA"
            found.append(
                Agent(
                    name=name,
                    email=email,
                    team=team.name,
                    time_zone=team.time_zone,
                    hired_on=date(2026, 2, 2) if joins else hired_on,
                    left_on=date(2026, 3, 1) + timedelta(days=random.randrange(150)) if leaves else None,
                )
            )
    return tuple(found)
