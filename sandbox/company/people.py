"""Customers: where they live, when they are awake, and who comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from sandbox.company.hours import start_of
from sandbox.company.names import firm, mail_host, person
from sandbox.company.plan import Customer
from sandbox.company.planted import STARTS_ON


@dataclass(frozen=True, kw_only=True)
class Country:
    region: str
    time_zone: str
    currency: str
    weight: float


COUNTRIES = {
    "DE": Country(region="EMEA", time_zone="Europe/Berlin", currency="EUR", weight=15),
    "FR": Country(region="EMEA", time_zone="Europe/Paris", currency="EUR", weight=8),
    "NL": Country(region="EMEA", time_zone="Europe/Amsterdam", currency="EUR", weight=5),
    "IT": Country(region="EMEA", time_zone="Europe/Rome", currency="EUR", weight=4),
    "ES": Country(region="EMEA", time_zone="Europe/Madrid", currency="EUR", weight=4),
    "SE": Country(region="EMEA", time_zone="Europe/Stockholm", currency="EUR", weight=2),
    "PL": Country(region="EMEA", time_zone="Europe/Warsaw", currency="EUR", weight=3),
    "GB": Country(region="EMEA", time_zone="Europe/London", currency="GBP", weight=7),
    "CZ": Country(region="EMEA", time_zone="Europe/Prague", currency="EUR", weight=2),
    "US": Country(region="AMER", time_zone="America/New_York", currency="USD", weight=18),
    "CA": Country(region="AMER", time_zone="America/Toronto", currency="USD", weight=5),
    "MX": Country(region="AMER", time_zone="America/Mexico_City", currency="USD", weight=2),
    "BR": Country(region="AMER", time_zone="America/Sao_Paulo", currency="USD", weight=2),
    "CN": Country(region="APAC", time_zone="Asia/Shanghai", currency="CNY", weight=7),
    "SG": Country(region="APAC", time_zone="Asia/Singapore", currency="SGD", weight=4),
    "HK": Country(region="APAC", time_zone="Asia/Hong_Kong", currency="USD", weight=1.5),
    "TW": Country(region="APAC", time_zone="Asia/Taipei", currency="USD", weight=2),
    "JP": Country(region="APAC", time_zone="Asia/Tokyo", currency="JPY", weight=4),
    "KR": Country(region="APAC", time_zone="Asia/Seoul", currency="USD", weight=1.5),
    "AU": Country(region="APAC", time_zone="Australia/Sydney", currency="AUD", weight=4),
    "NZ": Country(region="APAC", time_zone="Pacific/Auckland", currency="AUD", weight=2),
}
_CODES = list(COUNTRIES)
_WEIGHTS = [country.weight for country in COUNTRIES.values()]
# Orders by local hour of the day: a small peak at lunch, a large one in the evening.
_HOURS = [2, 1, 1, 0, 0, 1, 2, 4, 7, 9, 10, 10, 11, 10, 9, 9, 9, 10, 12, 14, 15, 13, 9, 5]


def country_code(random: Random) -> str:
    return random.choices(_CODES, _WEIGHTS)[0]


def awake_instant(day: date, country: str, random: Random) -> datetime:
    """An instant on that local day, in UTC, at an hour when people there shop and write."""
    hour = random.choices(range(24), _HOURS)[0]
    return start_of(day, COUNTRIES[country].time_zone) + timedelta(hours=hour, seconds=random.randrange(3600))


@dataclass
class Draft:
    """A customer before numbers are given out (numbers follow the day of registration)."""

    name: str
    email: str
    country: str
    is_company: bool
    created_at: datetime
    number: str = ""


@dataclass
class Registry:
    """Who is known so far. `regulars` are those who come back, by country; the keen ones stand there more than once."""

    random: Random
    drafts: list[Draft] = field(default_factory=list)
    regulars: dict[str, list[Draft]] = field(default_factory=dict)
    companies: dict[str, list[Draft]] = field(default_factory=dict)

    def register(self, country: str, is_company: bool, at: datetime) -> Draft:
        random = self.random
        name, plain = firm(country, random) if is_company else person(country, random)
        serial = len(self.drafts) + 1
        email = f"office{serial}@{plain}.example" if is_company else f"{plain}{serial}@{mail_host(random)}"
        draft = Draft(name=name, email=email, country=country, is_company=is_company, created_at=at)
        self.drafts.append(draft)
        if random.random() < 0.42:
            self.regulars.setdefault(country, []).extend([draft] * random.choice((1, 1, 2, 4)))
        if is_company:
            self.companies.setdefault(country, []).append(draft)
        return draft

    def shopper(self, country: str, at: datetime) -> Draft:
        """Who places an order now: a regular in about half the cases, else somebody new."""
        known = self.regulars.get(country)
        if known and self.random.random() < 0.5:
            return self.random.choice(known)
        return self.register(country, self.random.random() < 0.1, at - timedelta(minutes=self.random.randrange(2, 40)))

    def prospect(self, country: str, at: datetime) -> Draft:
        """Who is behind a new lead: mostly a firm not met before."""
        known = self.companies.get(country)
        if known and self.random.random() < 0.2:
            return self.random.choice(known)
        return self.register(country, True, at - timedelta(minutes=self.random.randrange(1, 20)))

    def settle_old_ones(self, count: int) -> None:
        """Customers from before the history begins."""
        for _ in range(count):
            at = start_of(STARTS_ON, "UTC") - timedelta(days=self.random.randrange(2, 480), seconds=self.random.randrange(86400))
            self.register(country_code(self.random), self.random.random() < 0.12, at)

    def customers(self) -> tuple[Customer, ...]:
        """Gives out the numbers."""
        found: list[Customer] = []
        for serial, draft in enumerate(sorted(self.drafts, key=lambda each: each.created_at), start=1):
            draft.number = f"C{serial:05d}"
            found.append(
                Customer(
                    number=draft.number,
                    name=draft.name,
                    email=draft.email,
                    country=draft.country,
                    region=COUNTRIES[draft.country].region,
                    is_company=draft.is_company,
                    created_at=draft.created_at,
                )
            )
        return tuple(found)
