"""Money that is not in the ERP: what channels cost, what was budgeted and spent. Amounts in the reporting currency."""

from __future__ import annotations

import bisect
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from sandbox.company.demand import day_weight
from sandbox.company.hours import days_between
from sandbox.company.plan import ChannelDay, Order, Product, Rate
from sandbox.company.planted import (
    CAMPAIGNS,
    CHANNEL_ROI,
    CURRENCY,
    ENDS_ON,
    LOSING_CAMPAIGN,
    ORDERS,
    OVER_BUDGET_CATEGORY,
    OVER_BUDGET_FACTOR,
    OVER_BUDGET_FROM,
    OVER_BUDGET_UNIT,
    STARTS_ON,
    SURGE_FACTOR,
    SURGE_FIRST,
    SURGE_LAST,
    TIME_ZONE,
    WORLD_ENDS_ON,
)

CENT = Decimal("0.01")
# unit, category, share of net revenue
_COSTS = (
    ("Fulfilment", "warehouse wages", 0.060),
    ("Fulfilment", "shipping", 0.070),
    (OVER_BUDGET_UNIT, OVER_BUDGET_CATEGORY, 0.018),
    ("Fulfilment", "packaging", 0.014),
    ("Fulfilment", "rent Großbeeren", 0.030),
    ("Customer service", "support wages", 0.055),
    ("Customer service", "helpdesk tools", 0.006),
    ("Marketing", "content", 0.009),
    ("Technology", "hosting", 0.008),
    ("Technology", "software", 0.010),
)
_VISITS_AN_ORDER = {"organic search": 38, "paid search": 46, "social": 120, "marketplace": 30, "email": 22}
_ORDER_SHARE = {"organic search": 0.30, "paid search": 0.23, "social": 0.11, "marketplace": 0.17, "email": 0.13}


def reporting_day(at: datetime) -> date:
    return at.astimezone(ZoneInfo(TIME_ZONE)).date()


class Exchange:
    """Rates by day: the newest one that is not after the day."""

    def __init__(self, rates: tuple[Rate, ...]) -> None:
        self._days: dict[str, list[date]] = defaultdict(list)
        self._rates: dict[str, list[Decimal]] = defaultdict(list)
        for rate in sorted(rates, key=lambda each: each.on):
            self._days[rate.currency].append(rate.on)
            self._rates[rate.currency].append(rate.rate)

    def rate(self, currency: str, on: date) -> Decimal:
        """Units of `currency` for one unit of the reporting currency."""
        if currency == CURRENCY:
            return Decimal(1)
        return self._rates[currency][bisect.bisect_right(self._days[currency], on) - 1]


def net_amount(order: Order, exchange: Exchange) -> float:
    """Net of tax, in the reporting currency at the rate of the reporting day on which it was placed."""
    own = sum((line.quantity * line.unit_price for line in order.lines), Decimal(0))
    return float(own / exchange.rate(order.currency, reporting_day(order.placed_at)))


def cost_amount(order: Order, costs: dict[str, Decimal]) -> float:
    return float(sum((line.quantity * costs[line.product] for line in order.lines), Decimal(0)))


def _campaign_shares(channel: str, day: date) -> list[tuple[str | None, float]]:
    """How a channel's spend of one day splits over what runs on it. The losing campaign takes more of the money than it brings."""
    left, found = 1.0, []
    for campaign in CAMPAIGNS:
        if campaign.channel == channel and campaign.first <= day <= campaign.last:
            share = 0.85 if campaign.name == LOSING_CAMPAIGN else campaign.share
            found.append((campaign.name, left * share))
            left *= 1 - share
    return [*found, (None, left)]


def channel_days(size: str, orders: tuple[Order, ...], products: tuple[Product, ...], rates: tuple[Rate, ...], random: Random) -> tuple[ChannelDay, ...]:
    """Spend is set so that each channel's gross margin over the whole history is its planted multiple of it."""
    exchange, costs = Exchange(rates), {product.code: product.cost_price for product in products}
    margin: dict[str, float] = defaultdict(float)
    for order in orders:
        if order.cancelled_at is None and reporting_day(order.placed_at) <= ENDS_ON:
            margin[order.channel] += net_amount(order, exchange) - cost_amount(order, costs)
    total = sum(day_weight(day) for day in days_between(STARTS_ON, ENDS_ON))
    found: list[ChannelDay] = []
    for day in days_between(STARTS_ON, WORLD_ENDS_ON):
        for channel, visits_an_order in _VISITS_AN_ORDER.items():
            portion = day_weight(day) / total
            spend = margin[channel] / CHANNEL_ROI[channel] * portion * random.uniform(0.9, 1.1) if channel in CHANNEL_ROI else 0.0
            visits = ORDERS[size] * _ORDER_SHARE[channel] * visits_an_order * portion * random.uniform(0.88, 1.12)
            for campaign, share in _campaign_shares(channel, day):
                found.append(
                    ChannelDay(day=day, channel=channel, campaign=campaign, spend=Decimal(str(spend * share)).quantize(CENT), visits=round(visits * share))
                )
    return tuple(found)


def _months(first: date, last: date) -> list[date]:
    return sorted({day.replace(day=1) for day in days_between(first, last)})


def _ordinary_weight(day: date) -> float:
    """What a planner expected: nobody planned the surge."""
    return day_weight(day) / (SURGE_FACTOR if SURGE_FIRST <= day <= SURGE_LAST else 1)


def budgets_and_costs(
    orders: tuple[Order, ...], spent: tuple[ChannelDay, ...], rates: tuple[Rate, ...], random: Random
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Two lists of rows month, unit, category, amount, currency. Only one category is clearly over its budget."""
    exchange = Exchange(rates)
    revenue = sum(net_amount(order, exchange) for order in orders if order.cancelled_at is None and reporting_day(order.placed_at) <= ENDS_ON)
    history = sum(_ordinary_weight(day) for day in days_between(STARTS_ON, ENDS_ON))
    advertising: dict[date, Decimal] = defaultdict(Decimal)
    for row in spent:
        advertising[row.day.replace(day=1)] += row.spend
    budgets: list[dict[str, object]] = []
    costs: list[dict[str, object]] = []

    def book(rows: list[dict[str, object]], month: date, unit: str, category: str, amount: float) -> None:
        rows.append({"month": month, "unit": unit, "category": category, "amount": Decimal(str(amount)).quantize(CENT), "currency": CURRENCY})

    for month in _months(STARTS_ON, WORLD_ENDS_ON):
        days = days_between(month, (month + timedelta(days=32)).replace(day=1) - timedelta(days=1))
        portion = sum(_ordinary_weight(day) for day in days) / history
        for unit, category, share in _COSTS:
            planned = round(revenue * share * portion, -1)
            over = OVER_BUDGET_FACTOR if category == OVER_BUDGET_CATEGORY and month >= OVER_BUDGET_FROM else 1.0
            book(budgets, month, unit, category, planned)
            book(costs, month, unit, category, planned * over * random.gauss(0.997, 0.012))
        spend = float(advertising[month])
        book(budgets, month, "Marketing", "advertising", round(spend / random.gauss(1.004, 0.012), -1))
        book(costs, month, "Marketing", "advertising", spend)
    return budgets, costs
