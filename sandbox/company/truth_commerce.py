"""The KPIs of customers, orders, supply and money: 22 to 31, 33, 34, 37 to 40. Definitions: see truth.py."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.company.deals import stages_of
from sandbox.company.measures import Figures, figure, medians, month_end, month_of, months, ratios, sums
from sandbox.company.money import Exchange
from sandbox.company.plan import Order, Plan

TRAILING_DAYS = 90
YEAR = 365


class Books:
    """Amounts of the plan in its reporting currency."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.zone, self._exchange = plan, ZoneInfo(plan.time_zone), Exchange(plan.rates)
        self._cost = {product.code: product.cost_price for product in plan.products}

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def month(self, at: datetime) -> str:
        return month_of(self.day(at))

    def amount(self, order: Order, quantities: dict[str, int], at: datetime) -> float:
        """What so many pieces of an order cost, at the rate of the reporting day of `at`."""
        own = sum((line.unit_price * quantities.get(line.product, 0) for line in order.lines), Decimal(0))
        return float(own / self._exchange.rate(order.currency, self.day(at)))

    def net(self, order: Order) -> float:
        return self.amount(order, {line.product: line.quantity for line in order.lines}, order.placed_at)

    def margin(self, order: Order) -> float:
        return self.net(order) - float(sum((self._cost[line.product] * line.quantity for line in order.lines), Decimal(0)))

    def revenue_entries(self) -> Iterator[tuple[str, float, int, str, str]]:
        """(month, amount, orders, region, channel): booked when placed, taken back when cancelled, refunded when corrected."""
        for order in self.plan.orders:
            yield self.month(order.placed_at), self.net(order), 1, order.region, order.channel
            if order.cancelled_at:
                yield self.month(order.cancelled_at), -self.net(order), 0, order.region, order.channel
            for correction in order.corrections:
                yield self.month(correction.at), -self.amount(order, correction.quantities, correction.at), 0, order.region, order.channel


def delivered_at(order: Order) -> datetime | None:
    instants = [shipment.delivered_at for shipment in order.shipments]
    return None if not instants or None in instants else max(instant for instant in instants if instant)


def promise_outcome(order: Order, promised_on: date, zone: ZoneInfo, now: datetime) -> tuple[datetime, bool] | None:
    """(decided at, kept): at the delivery when it came in time, else at the end of the promised day at the warehouse."""
    ends_at = datetime.combine(promised_on + timedelta(days=1), datetime.min.time(), zone)
    came_at = delivered_at(order)
    if came_at and came_at < ends_at:
        return came_at, True
    if ends_at <= now and (order.cancelled_at is None or order.cancelled_at >= ends_at):
        return ends_at - timedelta(microseconds=1), False
    return None


def commerce_kpis(plan: Plan, now: datetime) -> dict[str, Figures]:
    books = Books(plan)
    zones = {warehouse.code: ZoneInfo(warehouse.time_zone) for warehouse in plan.warehouses}
    names = {supplier.number: supplier.name for supplier in plan.suppliers}
    entries = list(books.revenue_entries())
    standing = [order for order in plan.orders if order.cancelled_at is None]
    delivered = [(order, came_at) for order in standing if (came_at := delivered_at(order))]
    stages = stages_of(plan)
    endings = [(lead, stages[lead.number][-1]) for lead in plan.leads if stages[lead.number][-1][0] in ("won", "lost")]
    return {
        "revenue": sums(((month, amount, region, channel) for month, amount, _, region, channel in entries), "region", "channel"),
        "average_order_value": ratios(entries, "region", "channel"),
        "lead_conversion_rate": ratios(((books.month(lead.created_at), int(lead.stages[-1][0] == "won"), 1, lead.channel) for lead in plan.leads), "channel"),
        "win_rate": ratios(((books.month(at), int(stage == "won"), 1, lead.region) for lead, (stage, at) in endings), "region"),
        **_sales_cycles(plan, books),
        "customer_growth": customer_growth(plan, books),
        "repurchase_rate": repurchase_rate(plan, books),
        **channel_roi(plan, books, standing),
        "order_cycle_hours": medians(
            ((books.month(came_at), (came_at - order.placed_at).total_seconds() / 3600, order.warehouse) for order, came_at in delivered), "warehouse"
        ),
        "on_time_delivery_rate": _promises(plan, books, zones, now, first=False),
        "on_time_delivery_rate_first_promise": _promises(plan, books, zones, now, first=True),
        "order_throughput": _per_day(plan, ((books.month(came_at), 1, order.warehouse) for order, came_at in delivered)),
        "order_line_throughput": _per_day(plan, ((books.month(came_at), len(order.lines), order.warehouse) for order, came_at in delivered)),
        "order_error_rate": ratios(
            ((books.month(order.placed_at), int(any(each.our_fault for each in order.corrections)), 1, order.warehouse) for order in standing), "warehouse"
        ),
        "manual_touch_rate": ratios(((books.month(at), 1, 1, step) for order in plan.orders for step, at in steps_of(order)), "step"),
        "perfect_order_rate": perfect_order_rate(plan, books, zones, now),
        "supplier_late_rate": supplier_late_rate(plan),
        "supplier_lead_days": medians(
            (
                (books.month(purchase.received_at), (books.day(purchase.received_at) - books.day(purchase.ordered_at)).days, names[purchase.supplier])
                for purchase in plan.purchases
                for _ in purchase.lines
                if purchase.received_at
            ),
            "supplier",
        ),
        "budget_variance": budget_variance(plan),
        "operating_cost_ratio": operating_cost_ratio(plan, entries),
    }


def steps_of(order: Order) -> Iterator[tuple[str, datetime]]:
    """What people did with an order. One in several parcels is as far as the last of them."""
    yield "placed", order.placed_at
    if order.confirmed_at:
        yield "confirmed", order.confirmed_at
    for step in ("picked", "packed", "shipped", "delivered"):
        reached = [getattr(parcel, f"{step}_at") for parcel in order.shipments]
        if reached and None not in reached:
            yield step, max(reached)


def _sales_cycles(plan: Plan, books: Books) -> dict[str, Figures]:
    endings = stages_of(plan)
    cycles = [
        (stage, books.month(at), (at - lead.created_at).total_seconds() / 86400, lead.region) for lead in plan.leads for stage, at in endings[lead.number][-1:]
    ]
    return {
        kpi: medians(((month, days, region) for stage, month, days, region in cycles if stage == ending), "region")
        for kpi, ending in (("sales_cycle_days", "won"), ("sales_cycle_days_lost", "lost"))
    }


def _per_day(plan: Plan, rows: Iterator[tuple[str, int, str]]) -> Figures:
    days = {month: (min(month_end(month), plan.ends_on) - date.fromisoformat(f"{month}-01")).days + 1 for month in months(plan.starts_on, plan.ends_on)}
    return _over(sums(rows, "warehouse"), days)


def _over(found: Figures, denominators: Mapping[str, float]) -> Figures:
    """Sums, each set against what its month has, the same for every segment."""
    return {
        segment_type: {
            segment: {month: figure(each["value"], denominators[month], 1) for month, each in by_month.items()} for segment, by_month in by_segment.items()
        }
        for segment_type, by_segment in found.items()
    }


def _days_of_customers(plan: Plan, books: Books) -> dict[str, list[date]]:
    """By customer, the day of every order that stands."""
    days: dict[str, list[date]] = defaultdict(list)
    for order in plan.orders:
        if order.cancelled_at is None:
            days[order.customer].append(books.day(order.placed_at))
    return days


def customer_growth(plan: Plan, books: Books) -> Figures:
    days = _days_of_customers(plan, books)
    regions = {customer.number: customer.region for customer in plan.customers}
    found: Figures = {"all": {"all": {}}, "region": defaultdict(dict)}
    before: Counter[str] | None = None
    for month in months(plan.starts_on, plan.ends_on):
        end = min(month_end(month), plan.ends_on)
        active: Counter[str] = Counter()
        for customer, placed in days.items():
            if any(end - timedelta(days=YEAR - 1) <= day <= end for day in placed):
                active.update(["all", regions[customer]])
        for place in active if before else ():
            where = found["all"]["all"] if place == "all" else found["region"][place]
            if before and before[place]:
                where[month] = figure(active[place] - before[place], before[place], before[place])
        before = active
    return found


def _promises(plan: Plan, books: Books, zones: dict[str, ZoneInfo], now: datetime, *, first: bool) -> Figures:
    outcomes = (
        (order, promise_outcome(order, order.promised_on if first else order.promised_again_on or order.promised_on, zones[order.warehouse], now))
        for order in plan.orders
    )
    return ratios(((books.month(outcome[0]), int(outcome[1]), 1, order.warehouse) for order, outcome in outcomes if outcome), "warehouse")


def perfect_order_rate(plan: Plan, books: Books, zones: dict[str, ZoneInfo], now: datetime) -> Figures:
    complained = {complaint.order for complaint in plan.complaints}

    def is_perfect(order: Order, kept: bool) -> bool:
        return kept and order.number not in complained and not any(each.our_fault for each in order.corrections)

    outcomes = ((order, promise_outcome(order, order.promised_again_on or order.promised_on, zones[order.warehouse], now)) for order in plan.orders)
    return ratios(((books.month(outcome[0]), int(is_perfect(order, outcome[1])), 1, order.warehouse) for order, outcome in outcomes if outcome), "warehouse")


def repurchase_rate(plan: Plan, books: Books) -> Figures:
    regions = {customer.number: customer.region for customer in plan.customers}
    days = _days_of_customers(plan, books)
    rows: list[tuple[Any, ...]] = []
    for month in months(plan.starts_on, plan.ends_on):
        end = min(month_end(month), plan.ends_on)
        for customer, placed in days.items():
            orders = sum(end - timedelta(days=YEAR - 1) <= day <= end for day in placed)
            if orders:
                rows.append((month, int(orders >= 2), 1, regions[customer]))
    return ratios(rows, "region")


def channel_roi(plan: Plan, books: Books, standing: list[Order]) -> dict[str, Figures]:
    spent = [(month_of(row.day), 0.0, float(row.spend), row.channel, (row.campaign or "none").lower()) for row in plan.channel_days]
    paid = {channel for _, _, spend, channel, _ in spent if spend > 0}
    earned = [(books.month(order.placed_at), books.margin(order), 0.0, order.channel, (order.campaign or "none").lower()) for order in standing]
    return {
        "channel_roi": ratios([*earned, *spent], "channel", "campaign"),
        "channel_roi_of_paid_channels": ratios([row[:3] for row in [*earned, *spent] if row[3] in paid]),
    }


def supplier_late_rate(plan: Plan) -> Figures:
    found: Figures = {"all": {"all": {}}, "supplier": defaultdict(dict)}
    names = {supplier.number: supplier.name for supplier in plan.suppliers}
    for month in months(plan.starts_on, plan.ends_on):
        late, due = late_and_due(plan, min(month_end(month), plan.ends_on))
        found["all"]["all"][month] = figure(sum(late.values()), sum(due.values()), sum(due.values()))
        for supplier in due:
            found["supplier"][names[supplier]][month] = figure(late[supplier], due[supplier], due[supplier])
    return found


def late_and_due(plan: Plan, on: date) -> tuple[Counter[str], Counter[str]]:
    """Purchase lines promised in the 90 days until `on`, by supplier: those not in on the promised day, and all."""
    late: Counter[str] = Counter()
    due: Counter[str] = Counter()
    for purchase in plan.purchases:
        if purchase.state in ("ordered", "received") and on - timedelta(days=TRAILING_DAYS - 1) <= purchase.promised_on <= on:
            due[purchase.supplier] += len(purchase.lines)
            if purchase.received_at is None or purchase.received_at.astimezone(ZoneInfo(plan.time_zone)).date() > purchase.promised_on:
                late[purchase.supplier] += len(purchase.lines)
    return late, due


def operating_cost_ratio(plan: Plan, entries: list[tuple[str, float, int, str, str]]) -> Figures:
    revenue: Counter[str] = Counter()
    for month, amount, *_ in entries:
        revenue[month] += amount  # type: ignore[assignment]
    costs = sums(((month_of(row["month"]), float(str(row["amount"])), row["category"]) for row in plan.tables["costs.csv"]), "category")  # type: ignore[arg-type]
    return _over(costs, revenue)


def budget_variance(plan: Plan) -> Figures:
    filed = {(row["month"], row["unit"]) for row in plan.tables["costs.csv"]}
    rows: list[tuple[Any, ...]] = []
    for sign, name in ((1, "costs.csv"), (-1, "budgets.csv")):
        for row in plan.tables[name]:
            amount = float(str(row["amount"]))
            if (row["month"], row["unit"]) in filed:
                rows.append((month_of(row["month"]), sign * amount, amount if sign < 0 else 0.0, row["category"], row["unit"]))  # type: ignore[arg-type]
    return ratios(rows, "category", "unit")
