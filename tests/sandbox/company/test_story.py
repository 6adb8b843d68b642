"""The story hangs together, and the same seed tells the same one."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sandbox.company import planted
from sandbox.company.known import DRAFT_TIME, as_known, end_of
from sandbox.company.plan import Plan, Ticket
from sandbox.company.story import next_day, whole_world, write_plan
from sandbox.company.truth_commerce import delivered_at

ROOT = Path(__file__).parents[3]
FINGERPRINT = """
import hashlib
from sandbox.company.story import write_plan
print(hashlib.sha256(repr(write_plan(seed={seed}, size="small")).encode()).hexdigest())
"""


def fingerprint(seed: int, hash_seed: str) -> str:
    """Of the plan as another process writes it: sets and dictionaries are ordered differently there."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run([sys.executable, "-c", FINGERPRINT.format(seed=seed)], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_same_seed_tells_the_same_story_in_every_process() -> None:
    assert fingerprint(7, "1") == fingerprint(7, "2")


def test_another_seed_tells_another_story() -> None:
    assert fingerprint(7, "1") != fingerprint(8, "1")


def test_the_small_company_has_about_its_size(plan: Plan) -> None:
    for kind, wanted in (("orders", planted.ORDERS), ("tickets", planted.TICKETS), ("leads", planted.LEADS), ("purchases", planted.PURCHASES)):
        assert 0.85 * wanted["small"] <= len(getattr(plan, kind)) <= 1.15 * wanted["small"], kind


@pytest.mark.drill
def test_the_full_company_has_about_its_size() -> None:
    full = write_plan(seed=7, size="full")
    for kind, wanted in (("orders", planted.ORDERS), ("tickets", planted.TICKETS), ("leads", planted.LEADS), ("purchases", planted.PURCHASES)):
        assert 0.95 * wanted["full"] <= len(getattr(full, kind)) <= 1.05 * wanted["full"], kind


def test_numbers_are_unique_and_rise_with_time(plan: Plan) -> None:
    for things, at in (
        (plan.orders, lambda order: order.placed_at),
        (plan.tickets, lambda ticket: ticket.created_at),
        (plan.leads, lambda lead: lead.created_at),
        (plan.complaints, lambda complaint: complaint.opened_at),
        (plan.customers, lambda customer: customer.created_at),
    ):
        numbers = [thing.number for thing in things]
        assert numbers == sorted(set(numbers))
        instants = [at(thing) for thing in things]
        assert instants == sorted(instants)


def test_everything_refers_to_something_that_exists(plan: Plan) -> None:
    customers, orders, tickets, leads = ({thing.number for thing in getattr(plan, kind)} for kind in ("customers", "orders", "tickets", "leads"))
    teams, policies = ({thing.name for thing in getattr(plan, kind)} for kind in ("teams", "sla_policies"))
    products, agents = {product.code for product in plan.products}, {agent.email for agent in plan.agents}
    offers = {(offer.supplier, offer.product) for offer in plan.offers}
    for order in plan.orders:
        assert order.customer in customers and {line.product for line in order.lines} <= products
        assert order.lead is None or order.lead in leads
    for lead in plan.leads:
        assert lead.customer in customers and lead.owner in agents and (lead.order is None or lead.order in orders)
    for complaint in plan.complaints:
        assert complaint.order in orders and complaint.ticket in tickets
    for purchase in plan.purchases:
        assert all((purchase.supplier, line.product) in offers for line in purchase.lines)
    for ticket in plan.tickets:
        assert ticket.requester in customers and (ticket.order is None or ticket.order in orders) and ticket.sla_policy in {None, *policies}
        for event in ticket.events:
            assert event.kind != "team" or event.value in teams
            assert event.kind != "assignee" or event.value in agents
            assert event.actor != "agent" or event.by in agents
    assert {agent.team for agent in plan.agents} == teams
    assert {team.calendar for team in plan.teams} | {policy.calendar for policy in plan.sla_policies} == {calendar.name for calendar in plan.calendars}


def test_every_key_item_has_three_suppliers(plan: Plan) -> None:
    ranks = Counter(offer.product for offer in plan.offers)
    for product in plan.products:
        assert ranks[product.code] == (3 if product.is_key_item else 1)
    assert sum(product.is_key_item for product in plan.products) >= 10


def test_parcels_go_through_their_stages_in_order(plan: Plan) -> None:
    for order in plan.orders:
        for shipment in order.shipments:
            assert order.confirmed_at is not None
            stages = [order.placed_at, order.confirmed_at, shipment.picked_at, shipment.packed_at, shipment.shipped_at, shipment.delivered_at]
            happened = [at for at in stages if at is not None]
            assert stages[: len(happened)] == happened, f"{order.number}: a stage is missing between others"
            assert all(earlier < later for earlier, later in itertools.pairwise(happened)), order.number


def test_parcels_hold_what_was_ordered_and_nothing_else(plan: Plan) -> None:
    for order in plan.orders:
        packed: Counter[str] = Counter()
        for shipment in order.shipments:
            packed.update(shipment.quantities)
        if order.shipments:
            assert packed == Counter({line.product: line.quantity for line in order.lines}), order.number


def test_corrections_follow_the_delivery_and_take_back_at_most_what_was_bought(plan: Plan) -> None:
    for order in plan.orders:
        bought = {line.product: line.quantity for line in order.lines}
        for correction in order.corrections:
            came_at = delivered_at(order)
            assert came_at is not None and came_at < correction.at
            assert all(0 < pieces <= bought[product] for product, pieces in correction.quantities.items())
            assert correction.our_fault == (correction.reason != "changed mind")


def test_a_cancelled_order_is_never_shipped(plan: Plan) -> None:
    cancelled = [order for order in plan.orders if order.cancelled_at]
    assert cancelled and not any(order.shipments or order.corrections for order in cancelled)


def test_the_day_of_a_delivery_near_its_warehouse_is_the_same_in_every_zone_that_counts(plan: Plan) -> None:
    """So that on-time delivery hardly hangs on whose midnight a source keeps."""
    zones = {warehouse.code: ZoneInfo(warehouse.time_zone) for warehouse in plan.warehouses}
    regions = {warehouse.code: warehouse.region for warehouse in plan.warehouses}
    for order in plan.orders:
        if (came_at := delivered_at(order)) and regions[order.warehouse] == order.region:
            assert came_at.date() == came_at.astimezone(ZoneInfo(plan.time_zone)).date() == came_at.astimezone(zones[order.warehouse]).date()


def test_orders_are_also_placed_where_the_reporting_day_is_another_than_in_utc(plan: Plan) -> None:
    assert sum(order.placed_at.date() != order.placed_at.astimezone(ZoneInfo(plan.time_zone)).date() for order in plan.orders) > 50


def test_a_won_lead_has_its_order_and_the_order_has_its_lead(plan: Plan) -> None:
    orders = {order.number: order for order in plan.orders}
    won = [lead for lead in plan.leads if lead.stages[-1][0] == "won"]
    assert won and {lead.order for lead in won} == {order.number for order in plan.orders if order.lead}
    for lead in won:
        assert lead.order and orders[lead.order].lead == lead.number and orders[lead.order].customer == lead.customer
        assert lead.stages[-1][1] <= orders[lead.order].placed_at


def test_lead_stages_come_one_after_the_other(plan: Plan) -> None:
    for lead in plan.leads:
        instants = [at for _, at in lead.stages]
        assert lead.stages[0] == ("lead", lead.created_at) and instants == sorted(set(instants))
        assert (lead.lost_reason is not None) == (lead.stages[-1][0] == "lost")


def _statuses(ticket: Ticket) -> list[str]:
    return [event.value or "" for event in ticket.events if event.kind == "status"]


def test_ticket_events_are_in_order_and_after_the_creation(plan: Plan) -> None:
    for ticket in plan.tickets:
        instants = [ticket.created_at, *(event.at for event in ticket.events)]
        assert instants == sorted(instants), ticket.number
        assert all(at.tzinfo is UTC and at.microsecond == 0 for at in instants)


def test_a_status_never_changes_to_itself_and_nothing_follows_closed(plan: Plan) -> None:
    for ticket in plan.tickets:
        statuses = ["new", *_statuses(ticket)]
        assert all(before != after for before, after in itertools.pairwise(statuses)), ticket.number
        assert "closed" not in statuses[:-1]
        assert all(before == "solved" for before, after in itertools.pairwise(statuses) if after == "closed")


def test_only_people_of_ours_answer_as_agents_and_the_bot_answers_too(plan: Plan) -> None:
    actors = Counter(event.actor for ticket in plan.tickets for event in ticket.events if event.kind == "public_reply")
    assert actors["agent"] > 500 and actors["requester"] > 100 and actors["bot"] > 100 and actors["system"] == 0


def test_agents_act_only_while_they_work_here(plan: Plan) -> None:
    agents = {agent.email: agent for agent in plan.agents}
    for ticket in plan.tickets:
        for event in ticket.events:
            if event.kind == "assignee" and event.value:
                agent = agents[event.value]
                assert agent.hired_on <= event.at.date() + timedelta(days=1) and (agent.left_on is None or event.at.date() <= agent.left_on)


def test_names_come_in_many_scripts_and_addresses_in_one(plan: Plan) -> None:
    assert any("\u4e00" <= letter <= "\u9fff" for customer in plan.customers for letter in customer.name)
    assert any(not customer.name.isascii() and customer.country == "FR" for customer in plan.customers)
    emails = [customer.email for customer in plan.customers] + [agent.email for agent in plan.agents]
    assert all(email.isascii() and " " not in email for email in emails) and len(set(emails)) == len(emails)


def test_every_order_has_a_rate_of_its_day(plan: Plan) -> None:
    first = {}
    for rate in plan.rates:
        first.setdefault(rate.currency, rate.on)
    assert {order.currency for order in plan.orders} == {*first, plan.currency}
    assert max(first.values()) < plan.starts_on
    assert all(rate.on.weekday() < 5 and rate.rate > 0 for rate in plan.rates)


# ---- what is known at the end of a day


def test_nothing_in_the_plan_happens_after_its_end(plan: Plan) -> None:
    now = end_of(plan.ends_on, plan.time_zone)

    def instants(value: object) -> list[datetime]:
        if isinstance(value, datetime):
            return [value]
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return [at for each in dataclasses.fields(value) for at in instants(getattr(value, each.name))]
        return [at for each in value for at in instants(each)] if isinstance(value, tuple | list) else []

    for kind in ("customers", "orders", "leads", "purchases", "tickets"):
        for thing in getattr(plan, kind):
            assert all(at < now for at in instants(thing)), thing.number
    for complaint in plan.complaints:  # a limit lies ahead by its nature
        assert complaint.opened_at < now and (complaint.resolved_at is None or complaint.resolved_at < now)


def test_a_draft_purchase_becomes_the_order_with_the_same_number() -> None:
    world = whole_world(seed=7, size="small")
    purchase = next(each for each in world.purchases if each.ordered_at.date() > date(2026, 11, 2))
    day_before = as_known(world, (purchase.ordered_at - timedelta(days=1)).date())
    draft = next(each for each in day_before.purchases if each.number == purchase.number)
    assert draft.state == "draft" and draft.ordered_at == purchase.ordered_at - DRAFT_TIME and draft.received_at is None
    ordered = next(each for each in as_known(world, purchase.ordered_at.date()).purchases if each.number == purchase.number)
    assert ordered.state == "ordered" and ordered.ordered_at == purchase.ordered_at


def test_a_moved_promise_shows_only_once_it_has_moved() -> None:
    world = whole_world(seed=7, size="small")
    moved = next(order for order in world.orders if order.promise_moved_at and order.promise_moved_at.date() > order.placed_at.date() + timedelta(days=1))
    assert moved.promise_moved_at
    early = as_known(world, moved.promise_moved_at.date() - timedelta(days=1))
    late = as_known(world, moved.promise_moved_at.date() + timedelta(days=1))
    assert next(order for order in early.orders if order.number == moved.number).promised_again_on is None
    assert next(order for order in late.orders if order.number == moved.number).promised_again_on == moved.promised_again_on


def _lived(plan: Plan, days: int) -> list[Plan]:
    plans = [plan]
    for _ in range(days):
        plans.append(next_day(plans[-1], plans[-1].ends_on + timedelta(days=1)).after)
    return plans


def test_ten_days_bring_new_things_change_old_ones_and_delete_some(plan: Plan) -> None:
    added: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    deleted: Counter[str] = Counter()
    now = plan
    for _ in range(10):
        day = next_day(now, now.ends_on + timedelta(days=1))
        for kind in ("orders", "tickets", "leads", "purchases", "complaints", "customers"):
            added[kind] += len(getattr(day.added, kind))
            changed[kind] += len(getattr(day.changed, kind))
        deleted.update({kind: len(numbers) for kind, numbers in day.deleted.items()})
        now = day.after
    assert all(added[kind] for kind in ("orders", "tickets", "leads", "purchases", "customers"))
    assert all(changed[kind] for kind in ("orders", "tickets", "leads", "purchases"))
    assert all(deleted[kind] for kind in ("tickets", "leads", "purchases"))


def test_what_a_day_says_is_the_difference_it_makes(plan: Plan) -> None:
    day = next_day(plan, date(2026, 11, 1))
    for kind in ("orders", "tickets", "leads", "purchases"):
        things = {thing.number: thing for thing in getattr(plan, kind)}
        for thing in (*getattr(day.added, kind), *getattr(day.changed, kind)):
            things[thing.number] = thing
        for number in day.deleted.get(kind, ()):
            del things[number]
        assert sorted(things) == [thing.number for thing in getattr(day.after, kind)]
        assert all(things[thing.number] == thing for thing in getattr(day.after, kind))


def test_what_was_deleted_stays_deleted(plan: Plan) -> None:
    plans = _lived(plan, 6)
    assert plans[-1].deleted
    left = {thing.number for kind in ("tickets", "leads", "purchases") for thing in getattr(plans[-1], kind)}
    assert not plans[-1].deleted & left
    assert all(earlier.deleted <= later.deleted for earlier, later in itertools.pairwise(plans))


def test_a_later_day_never_rewrites_what_was(plan: Plan) -> None:
    """Events of tickets, stages of leads and stages of parcels only grow."""
    after = _lived(plan, 5)[-1]
    tickets = {ticket.number: ticket for ticket in after.tickets}
    for ticket in plan.tickets:
        if ticket.number in tickets:
            assert tickets[ticket.number].events[: len(ticket.events)] == ticket.events
    orders = {order.number: order for order in after.orders}
    for order in plan.orders:
        assert orders[order.number].placed_at == order.placed_at and orders[order.number].lines == order.lines
        assert order.confirmed_at in (None, orders[order.number].confirmed_at)


def test_days_cannot_be_skipped(plan: Plan) -> None:
    with pytest.raises(ValueError, match="the next day is 2026-11-01"):
        next_day(plan, date(2026, 11, 2))


def test_the_story_says_when_it_is_over(plan: Plan) -> None:
    last = dataclasses.replace(plan, ends_on=planted.WORLD_ENDS_ON)
    with pytest.raises(ValueError, match="written until 2026-12-31"):
        next_day(last, planted.WORLD_ENDS_ON + timedelta(days=1))
