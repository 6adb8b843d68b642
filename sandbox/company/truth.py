"""What is true about the company: the facts that the story planted, and KPI values counted straight from the plan in plain Python.

`truth(plan)` knows no SQL, no system and no file; `python -m sandbox.company write` puts it beside the sandbox as truth.json, and tests compare
the marts with it. Values are as of the end of `plan.ends_on` in `plan.time_zone`; a "day" below is a day there, a month is the month of that day.
A month without any data is missing here (in the marts it is a row without a value). Suppliers are named by their names, campaigns in lower case ("none": no
campaign). Amounts agree with the marts to a cent; spend that was billed in dollars, and so return on it, to one part in ten thousand.

Definitions (numbers of the KPI catalogue):

1   first_response_minutes: median and p90 of the open minutes from creation to the first public reply by one of our people (not the bot), in the month of
    that reply. Open minutes are those of the calendar of the ticket's SLA policy; without a policy, of the team it was created in. Team: who has it now.
2   resolution_hours: the same, creation → last resolution, in its month; only tickets that are solved or closed now. Pauses are not taken out.
3   resolution_rate: tickets resolved for the first time within 7 × 24 hours of their creation / tickets created in the month.
4   first_contact_resolution: tickets with exactly one public reply by our people up to their first resolution and not reopened within 7 × 24 hours of it /
    tickets resolved at least once; month of the first resolution.
5   sla_attainment: tickets whose first-reply, next-reply and resolution clocks were all met / tickets whose verdict is certain. Limits are those of the policy
    and the priority at creation. A next-reply clock runs from a requester's first message after an answer to our next answer, or to the end. The resolution
    clock runs while the ticket is new or open (and while pending, if the policy does not pause). Broken in the month in which the first limit passed, met in
    the month in which the last clock stopped.
6   reopen_rate: reopened within 7 × 24 hours of the first resolution / resolved at least once; month of the first resolution.
7   ticket_backlog: tickets neither solved nor closed at the end of the month's last day, by the team that had them then.
8   csat: tickets whose last rating is good / rated tickets; month of the last rating.
9   major_complaint_rate: major complaints opened in the month / orders placed in it; a complaint has the region of its order.
10  complaint_on_time_rate: complaints handled by their limit / complaints whose limit lay in the month and has passed.
11  dispute_resolution_rate: complaints closed with agreement / complaints closed in the month.
12  cross_team_resolution_hours: median of the elapsed hours, created → last resolution, of tickets that touched two departments; month of that resolution.
13  incident_on_time_rate: tickets that came urgent or high whose resolution clock was met / those for which that is certain; month as in sla_attainment.
14  reassignment_rate: tickets that two teams had / resolved at least once; month of the first resolution.
15  quality_score: mean of the points (0 to 100) of the reviews made in the month.
16  coverage_rate: hours with somebody rostered / hours promised: all hours of the company, of a team those that its calendar has open.
17  staffing_gap: people missing / hours open, over all hours of a staffed desk's calendar: those that Erlang C asks for, less those rostered, never below
    nothing; at the mean of the tickets that came in the same hour of the week (the desk's clock) in the 8 weeks before. From 8 weeks after the first one on.
18  workload_balance: 1 − Gini coefficient of tickets solved / hours rostered of the people of a team; teams by their heads.
19  team_review_pass_rate: reviews of teams passed / reviews of the month.
20  core_staff_retention: core staff of the day 365 days before the month's last one who are still there on that / core staff of then; by their team of then.
21  training_completion: courses completed by now / courses planned for the month.
22  revenue: net of tax; booked in the month of placing at that day's rate, minus what was cancelled (in that month, at the rate of placing), minus what
    was returned or credited (pieces × price, in that month at that day's rate).
23  average_order_value: revenue of the month / orders placed in it (those cancelled later too).
24  lead_conversion_rate: won by now / leads created in the month.
25  sales_cycle_days: median of the days (with fractions) from the creation of a lead to the confirmation of its order, in the month of that; …_lost: to
    its losing.
26  win_rate: won / won and lost, in the month of the ending; cancelled leads are not endings.
27  customer_growth: customers with an order that stands in the 365 days until the month's end, less those at the end of the month before / the latter.
28  repurchase_rate: customers with at least two orders that stand in the 365 days until the month's end / those with at least one; region of the customer.
29  channel_roi: net minus cost price of the standing orders placed in the month / spend of the month; 'all' keeps the margin of channels without spend in the
    numerator (channel_roi_of_paid_channels leaves it out).
30  order_cycle_hours: median and p90 of the elapsed hours, placed → last parcel delivered, in the month of that delivery; standing orders.
31  on_time_delivery_rate: kept / decided promises; the promise is the last one given (…_first_promise: the first). Kept at the delivery if it came by the end
    of the promised day at the warehouse, else broken at that end. Orders cancelled before have no outcome.
32  perfect_order_rate: kept promises of orders without a complaint, return or credit for our fault / decided promises.
33  order_throughput: standing orders whose last parcel was delivered in the month / days of the month; order_line_throughput: their lines.
34  order_error_rate: standing orders with a return or credit for our fault / standing orders; month of placing.
35  manual_touch_rate: steps of orders that people did / steps, in the month of the step; the people of this company do all of them.
36  stockout_rate: pairs of day and product ordered from a warehouse whose last count until that day was nothing / all such pairs that were ever counted.
37  supplier_late_rate: purchase lines not received on the promised day / lines promised in the 90 days until the month's end; cancelled and drafts left out.
38  supplier_lead_days: median of whole days, ordered → received, each purchase line; month of receipt.
39  operating_cost_ratio: costs filed for the month / revenue of the month; a category's costs / the same revenue.
40  budget_variance: (actual − budget) / budget of the months and units with costs filed.
41  revenue_per_head: revenue of the month / full places filled on the mean of its days.
42  revenue_per_sqm: revenue of the month / square metres on the mean of its days; a site's revenue is that of the orders its warehouse serves.
45  risk_incidence_rate: registered risks that had come by the month's end / risks registered by then.
47  efficiency_gain: (value / value of the same month of the year before − 1), turned round where lower is better; mean over first_response_minutes,
    order_cycle_hours, order_throughput, resolution_hours and revenue_per_head.
49  cross_team_satisfaction: answers of 4 or 5 / answers of the month.
"""

from __future__ import annotations

import statistics
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.company import partner, planted
from sandbox.company.measures import Figures
from sandbox.company.plan import Plan
from sandbox.company.slips import quarantined
from sandbox.company.suggestions import followed
from sandbox.company.truth_commerce import Books, commerce_kpis, delivered_at, late_and_due
from sandbox.company.truth_people import efficiency_gain, people_kpis
from sandbox.company.truth_registers import register_kpis
from sandbox.company.truth_service import first_response_minutes, service_kpis, told
from sandbox.company.truth_workforce import workforce_kpis
from sandbox.company.workforce import SHIFTS, uncovered


def truth(plan: Plan) -> dict[str, Any]:
    """Everything, ready for JSON: {"company", "as_of", "counts", "planted", "kpis"}."""
    zone = ZoneInfo(plan.time_zone)
    now = datetime.combine(plan.ends_on + timedelta(days=1), datetime.min.time(), zone)
    kpis: dict[str, Figures] = {**service_kpis(plan, now), **commerce_kpis(plan, now), **register_kpis(plan, now), **people_kpis(plan), **workforce_kpis(plan)}
    kpis["efficiency_gain"] = efficiency_gain(kpis, plan)
    return {
        "company": {"name": plan.company, "seed": plan.seed, "size": plan.size, "time_zone": plan.time_zone, "currency": plan.currency},
        "starts_on": plan.starts_on.isoformat(),
        "as_of": plan.ends_on.isoformat(),
        "counts": counts(plan),
        "planted": {
            "late_supplier": late_supplier(plan),
            "losing_channel": losing_channel(plan),
            "surge": surge(plan),
            "defect": defect(plan),
            "uncovered_shift": uncovered_shift(plan),
            "projects": projects(plan),
            "suggestions": followed(plan),
            "quarantine": quarantined(plan),
            "over_budget": over_budget(plan),
            "weak_team": weak_team(plan),
            "strained_pair": " → ".join(planted.STRAINED_PAIR),
            "scarce_warehouse": planted.SCARCE_WAREHOUSE,
            "tickets": ticket_tails(plan),
            "orders": order_tails(plan),
            "orders_to_rekey": orders_to_rekey(plan),
        },
        "kpis": kpis,
    }


def orders_to_rekey(plan: Plan) -> list[dict[str, Any]]:
    """What the partner makes, confirmed, not delivered and not typed into its portal by the people who did that until the first night; by reference."""
    return [{"reference": one.reference, "customer": one.customer, "requested_on": one.requested_on.isoformat(),
             "lines": [[item, pieces] for item, _, pieces in one.lines]} for one in partner.to_rekey(plan)]


def counts(plan: Plan) -> dict[str, int]:
    found = {
        kind: len(getattr(plan, kind))
        for kind in ("customers", "products", "suppliers", "orders", "leads", "complaints", "purchases", "tickets", "agents", "rates")
    }
    return {
        **found,
        "order_lines": sum(len(order.lines) for order in plan.orders),
        "purchase_lines": sum(len(purchase.lines) for purchase in plan.purchases),
        "ticket_events": sum(len(ticket.events) for ticket in plan.tickets),
    }


def late_supplier(plan: Plan) -> dict[str, Any]:
    """Who drifted, from when, how far; the first day its trailing rate passed 10 %; and the worst trailing rate anybody else ever had."""
    number = planted.DRIFTING_SUPPLIER
    zone = ZoneInfo(plan.time_zone)
    shares: dict[str, list[int]] = {"before": [0, 0], "after": [0, 0]}
    for purchase in plan.purchases:
        if purchase.supplier == number and purchase.state in ("ordered", "received") and purchase.promised_on <= plan.ends_on:
            late = purchase.received_at is None or purchase.received_at.astimezone(zone).date() > purchase.promised_on
            place = shares["after" if purchase.promised_on >= planted.DRIFT_FROM else "before"]
            place[0] += len(purchase.lines) * late
            place[1] += len(purchase.lines)
    first_day, worst = None, 0.0
    day = plan.starts_on
    while day <= plan.ends_on:
        late_lines, due = late_and_due(plan, day)
        if first_day is None and day >= planted.DRIFT_FROM and due[number] and late_lines[number] / due[number] > 0.10:
            first_day = day.isoformat()
        worst = max([worst, *(late_lines[other] / due[other] for other in due if other != number)])
        day += timedelta(days=1)
    late_lines, due = late_and_due(plan, plan.ends_on)
    return {
        "supplier": number,
        "name": next(supplier.name for supplier in plan.suppliers if supplier.number == number),
        "drifts_from": planted.DRIFT_FROM.isoformat(),
        "late_rate_before": shares["before"][0] / shares["before"][1] if shares["before"][1] else None,
        "late_rate_after": shares["after"][0] / shares["after"][1] if shares["after"][1] else None,
        "trailing_rate_at_end": {supplier: late_lines[supplier] / lines for supplier, lines in sorted(due.items())},
        "first_day_above_10_percent": first_day,
        "worst_trailing_rate_of_the_others": worst,
    }


def losing_channel(plan: Plan) -> dict[str, Any]:
    """Gross margin / spend over the whole history, by channel with spend, and of the losing channel by campaign."""
    books = Books(plan)
    margin: Counter[str] = Counter()
    spend: Counter[str] = Counter()
    for order in plan.orders:
        if order.cancelled_at is None:
            for place in (order.channel, f"{order.channel}/{order.campaign or 'none'}"):
                margin[place] += books.margin(order)  # type: ignore[assignment]
    for row in plan.channel_days:
        for place in (row.channel, f"{row.channel}/{row.campaign or 'none'}"):
            spend[place] += float(row.spend)  # type: ignore[assignment]
    roi = {place: margin[place] / cost for place, cost in sorted(spend.items()) if cost > 0}
    channel = planted.LOSING_CHANNEL
    return {
        "channel": channel,
        "roi": roi[channel],
        "roi_by_channel": {place: value for place, value in roi.items() if "/" not in place},
        "roi_by_campaign": {place.partition("/")[2]: value for place, value in roi.items() if place.startswith(f"{channel}/")},
        "campaign": planted.LOSING_CAMPAIGN,
    }


def surge(plan: Plan) -> dict[str, Any]:
    books = Books(plan)
    weeks = Counter(books.day(order.placed_at) - timedelta(days=books.day(order.placed_at).weekday()) for order in plan.orders)
    return {
        "first_day": planted.SURGE_FIRST.isoformat(),
        "last_day": planted.SURGE_LAST.isoformat(),
        "orders": weeks[planted.SURGE_FIRST],
        "orders_in_a_median_week": statistics.median(weeks.values()),
        "largest_other_week": max(count for week, count in weeks.items() if week != planted.SURGE_FIRST),
    }


def defect(plan: Plan) -> dict[str, Any]:
    code = planted.DEFECT_PRODUCT
    shares: dict[str, list[int]] = {"before": [0, 0], "after": [0, 0]}
    for order in plan.orders:
        if any(line.product == code for line in order.lines) and delivered_at(order):
            place = shares["after" if order.placed_at.date() >= planted.DEFECT_FROM else "before"]
            place[0] += any(correction.reason == "defect" and code in correction.quantities for correction in order.corrections)
            place[1] += 1
    months = Counter(f"{ticket.created_at:%Y-%m}" for ticket in plan.tickets if ticket.topic == "defect")
    return {
        "product": code,
        "name": next(product.name for product in plan.products if product.code == code),
        "starts_on": planted.DEFECT_FROM.isoformat(),
        "delivered_orders_before": shares["before"][1],
        "defect_share_before": shares["before"][0] / max(1, shares["before"][1]),
        "delivered_orders_after": shares["after"][1],
        "defect_share_after": shares["after"][0] / max(1, shares["after"][1]),
        "defect_tickets_by_month": dict(sorted(months.items())),
        "complaints": sum(complaint.kind == "defect" and complaint.opened_at.date() >= planted.DEFECT_FROM for complaint in plan.complaints),
    }


def uncovered_shift(plan: Plan) -> dict[str, Any]:
    """Whole weeks only (Monday to Sunday, in the reporting zone), so that each shows its hole."""
    opens_at, closes_at = SHIFTS[planted.UNCOVERED_TEAM]
    team = next(team for team in plan.teams if team.name == planted.UNCOVERED_TEAM)
    monday = plan.starts_on + timedelta(days=-plan.starts_on.weekday() % 7)
    holes: dict[str, list[dict[str, str]]] = {}
    while monday + timedelta(days=6) <= plan.ends_on:
        holes[monday.isoformat()] = uncovered(plan.tables["rosters.csv"], monday, monday + timedelta(days=6), plan.time_zone)
        monday += timedelta(days=7)
    return {
        "team": team.name,
        "time_zone": team.time_zone,
        "weekday": planted.UNCOVERED_WEEKDAY,
        "opens_at": opens_at,
        "closes_at": closes_at,
        "holes_by_week": holes,
    }


def _median_cycle(plan: Plan, warehouse: str, first: date, last: date) -> float:
    """Of orders placed first..last, without the surge and what it delayed, and without the Christmas quarter's rush."""
    hours = [
        (came_at - order.placed_at).total_seconds() / 3600
        for order in plan.orders
        if order.warehouse == warehouse
        and order.cancelled_at is None
        and first <= order.placed_at.date() <= last
        and not planted.SURGE_FIRST <= order.placed_at.date() <= planted.SURGE_LAST + timedelta(days=7)
        and (came_at := delivered_at(order))
    ]
    return statistics.median(hours)


def _sham_medians(plan: Plan) -> list[float]:
    """First answers to tickets created before the project (the flu fortnight left out), in that fortnight, and since (the surge left out)."""
    zone, minutes = ZoneInfo(plan.time_zone), first_response_minutes(plan)
    dip_first, dip_last = planted.SHAM_DIP_FIRST, planted.SHAM_DIP_LAST
    periods: tuple[list[float], list[float], list[float]] = ([], [], [])
    for created_at, taken in minutes:
        day = created_at.astimezone(zone).date()
        if planted.SURGE_FIRST <= day <= planted.SURGE_LAST + timedelta(days=8):
            continue
        periods[1 if dip_first <= day <= dip_last else 0 if day < planted.SHAM_PROJECT_FROM else 2].append(taken)
    return [statistics.median(taken) for taken in periods]


def projects(plan: Plan) -> dict[str, Any]:
    """Measured where the whole history can be used: medians before and after, the flu fortnight and the surge left out."""
    real, sham, end = planted.REAL_PROJECT_FROM, planted.SHAM_PROJECT_FROM, plan.ends_on
    hours = {
        warehouse.code: (
            _median_cycle(plan, warehouse.code, plan.starts_on, real - timedelta(days=1)),
            _median_cycle(plan, warehouse.code, real, end - timedelta(days=14)),
        )
        for warehouse in plan.warehouses
    }
    return {
        "real": {
            "project": plan.tables["projects.csv"][0]["project"],
            "kpi": "order_cycle_hours",
            "segment_type": "warehouse",
            "segment": planted.REAL_WAREHOUSE,
            "starts_on": real.isoformat(),
            "median_hours_before_after": {code: list(pair) for code, pair in hours.items()},
            "relative_change": {code: after / before - 1 for code, (before, after) in hours.items()},
        },
        "sham": {
            "project": plan.tables["projects.csv"][1]["project"],
            "kpi": "first_response_minutes",
            "segment_type": "all",
            "segment": "all",
            "starts_on": sham.isoformat(),
            "effect": 0.0,
            "median_minutes_before_dip_after": _sham_medians(plan),
            "dip_before": [planted.SHAM_DIP_FIRST.isoformat(), planted.SHAM_DIP_LAST.isoformat()],
        },
        "too_early": {
            "project": plan.tables["projects.csv"][2]["project"],
            "kpi": "order_error_rate",
            "starts_on": str(plan.tables["projects.csv"][2]["starts_on"]),
        },
    }


def over_budget(plan: Plan) -> dict[str, Any]:
    """(actual − budget) / budget from the day the overrun began, by category."""
    spent: Counter[str] = Counter()
    budget: Counter[str] = Counter()
    filed = {row["month"] for row in plan.tables["costs.csv"]}
    for rows, place in ((plan.tables["costs.csv"], spent), (plan.tables["budgets.csv"], budget)):
        for row in rows:
            if row["month"] in filed and row["month"] >= planted.OVER_BUDGET_FROM:  # type: ignore[operator]
                place[str(row["category"])] += float(str(row["amount"]))  # type: ignore[assignment]
    variance = {category: spent[category] / budget[category] - 1 for category in sorted(budget)}
    return {
        "unit": planted.OVER_BUDGET_UNIT,
        "category": planted.OVER_BUDGET_CATEGORY,
        "from": planted.OVER_BUDGET_FROM.isoformat(),
        "variance_since_by_category": variance,
    }


def weak_team(plan: Plan) -> dict[str, Any]:
    good: Counter[str] = Counter()
    rated: Counter[str] = Counter()
    for story in map(told, plan.tickets):
        if story.rating:
            rated[story.team] += 1
            good[story.team] += story.rating.value == "good"
    return {
        "team": planted.WEAK_TEAM,
        "csat_by_team": {team: good[team] / count for team, count in sorted(rated.items())},
        "rated_by_team": dict(sorted(rated.items())),
    }


def ticket_tails(plan: Plan) -> dict[str, Any]:
    hops = Counter(sum(event.kind == "team" for event in ticket.events) for ticket in plan.tickets)
    stories = [told(ticket) for ticket in plan.tickets]
    return {
        "by_reassignments": {str(count): tickets for count, tickets in sorted(hops.items())},
        "reopened": sum(story.reopened_at is not None for story in stories),
        "open": sum(story.status not in ("solved", "closed") for story in stories),
        "without_policy": sum(ticket.sla_policy is None for ticket in plan.tickets),
    }


def order_tails(plan: Plan) -> dict[str, Any]:
    corrections = [correction for order in plan.orders for correction in order.corrections]
    return {
        "cancelled": sum(order.cancelled_at is not None for order in plan.orders),
        "split": sum(len(order.shipments) > 1 for order in plan.orders),
        "promise_moved": sum(order.promised_again_on is not None for order in plan.orders),
        "corrections": dict(sorted(Counter(each.reason for each in corrections).items())),
        "our_fault": sum(each.our_fault for each in corrections),
        "not_our_fault": sum(not each.our_fault for each in corrections),
    }
