"""Brings a Plan into the stand-in: customers as contacts and companies, leads as deals with the history of their stages, campaigns, owners.

Ids are made from the plan's numbers (L00017 -> 4000017), so the same company has the same ids in every load. A deal is won when its order is confirmed,
and worth what was ordered: that is what the order desk's integration writes back into the CRM.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sandbox.company.deals import Stages, orders_of, stages_of, worth_of
from sandbox.company.hours import local_instant, start_of
from sandbox.company.plan import Agent, Customer, Lead, Order, Plan, number_of
from sandbox.hubspot import portal as portals
from sandbox.hubspot.portal import Portal

OWNERS, CONTACTS, COMPANIES, DEALS = 70_000, 2_000_000, 3_000_000, 4_000_000
# The pipeline that every account begins with, its labels in the company's words, and one stage of its own.
STAGES = (("appointmentscheduled", "Lead", False, 0.2), ("qualifiedtobuy", "Opportunity", False, 0.4), ("contractsent", "Offer", False, 0.9),
          ("closedwon", "Closed won", True, 1.0), ("closedlost", "Closed lost", True, 0.0), ("139250001", "Cancelled", True, 0.0))
STAGE_OF = {"lead": "appointmentscheduled", "opportunity": "qualifiedtobuy", "offer": "contractsent", "won": "closedwon", "lost": "closedlost",
            "cancelled": "139250001"}
TICKET_STAGES = (("1", "New", False, 0.0), ("2", "Waiting on contact", False, 0.0), ("3", "Waiting on us", False, 0.0), ("4", "Closed", True, 0.0))
# "Understand original traffic source properties": (source, drill-down 1 where there is no campaign).
SOURCES = {
    "organic search": ("ORGANIC_SEARCH", "Unknown keywords (SSL)"), "paid search": ("PAID_SEARCH", "Unknown keywords (SSL)"),
    "social": ("SOCIAL_MEDIA", "Instagram"), "email": ("EMAIL_MARKETING", None), "sales team": ("OFFLINE", "CRM_UI"),
    "marketplace": ("REFERRALS", "marketplace.example"),
}


def load(plan: Plan, portal: Portal) -> dict[str, int]:
    """The whole plan into an empty state. Returns how many records of each kind there are."""
    with portal.state.transaction():
        portals.put_pipeline(portal, "deals", "default", "Sales pipeline", STAGES, at=_began(plan))
        portals.put_pipeline(portal, "tickets", "0", "Support pipeline", TICKET_STAGES, at=_began(plan))
        _bring(plan, portal, customers=plan.customers, leads={lead.number: None for lead in plan.leads})
    return {kind: portal.state.count(kind) for kind in ("contacts", "companies", "deals", "owners", "campaigns")}


def live_day(before: Plan, after: Plan, deleted: Iterable[str], portal: Portal) -> dict[str, int]:
    """From the end of one plan to the end of the next: new customers and leads, further stages of old leads, leads thrown away."""
    known, was, now = {customer.number for customer in before.customers}, stages_of(before), stages_of(after)
    changed = {number: was.get(number) for number, stages in now.items() if stages != was.get(number)}
    with portal.state.transaction():
        _bring(after, portal, customers=[one for one in after.customers if one.number not in known], leads=changed)
        gone = [number for number in deleted if portal.state.get("deals", DEALS + number_of(number))]
        for number in gone:
            portals.archive(portal, "deals", DEALS + number_of(number), at=milliseconds_of(_evening(after)))
    return {"leads": len(changed), "deleted": len(gone)}


def _bring(plan: Plan, portal: Portal, *, customers: Iterable[Customer], leads: Mapping[str, Stages | None]) -> None:
    """leads: number -> the stages that the CRM knows already (None: not even the lead)."""
    for number, agent in enumerate(plan.agents, start=1):
        _put_owner(plan, portal, agent, OWNERS + number)
    for name in sorted({lead.campaign for lead in plan.leads if lead.campaign} | {day.campaign for day in plan.channel_days if day.campaign}):
        identity = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
        if portal.state.get("campaigns", identity) is None:
            portals.put_campaign(portal, identity, {"hs_name": name, "hs_utm": _utm(name), "hs_campaign_status": "in_progress"}, at=_began(plan))
    people, stages, orders = {customer.number: customer for customer in plan.customers}, stages_of(plan), orders_of(plan)
    for customer in customers:
        _put_customer(portal, customer)
    for lead in plan.leads:
        if lead.number in leads:
            _put_lead(plan, portal, lead, people[lead.customer], stages[lead.number], leads[lead.number], orders.get(lead.order or ""))


def _put_owner(plan: Plan, portal: Portal, agent: Agent, identity: int) -> None:
    standing = portal.state.get("owners", identity)
    team = (1 + [one.name for one in plan.teams].index(agent.team), agent.team) if agent.team in {one.name for one in plan.teams} else None
    if standing is None:
        portals.put_owner(portal, identity, agent.email, agent.name, at=milliseconds_of(local_instant(agent.hired_on, "09:00", agent.time_zone)), team=team)
    if agent.left_on is not None and agent.left_on <= plan.ends_on and not (standing and standing["archived"]):
        left = milliseconds_of(local_instant(agent.left_on, "18:00", agent.time_zone))
        portals.put_owner(portal, identity, agent.email, agent.name, at=left, archived=True, team=team)


def _put_customer(portal: Portal, customer: Customer) -> None:
    number, at = number_of(customer.number), milliseconds_of(customer.created_at)
    shared = {"hs_country_region_code": customer.country, "lifecyclestage": "customer", "customer_number": customer.number}
    first, _, last = customer.name.partition(" ")
    portals.create(portal, "contacts", {"email": customer.email, "firstname": first, "lastname": last, **shared}, at=at, identity=CONTACTS + number)
    if customer.is_company:
        domain = customer.email.rpartition("@")[2]
        portals.create(portal, "companies", {"name": customer.name, "domain": domain, **shared}, at=at, identity=COMPANIES + number)
        portals.associate(portal, "contacts", CONTACTS + number, "companies", COMPANIES + number)


def _put_lead(plan: Plan, portal: Portal, lead: Lead, customer: Customer, stages: Stages, known: Stages | None, order: Order | None) -> None:
    identity, number = DEALS + number_of(lead.number), number_of(customer.number)
    if known is None:
        portals.create(portal, "deals", {
            "dealname": lead.number, "pipeline": "default", "dealstage": STAGE_OF["lead"], "amount": str(lead.amount), "deal_currency_code": plan.currency,
            "hubspot_owner_id": owner_of(plan, lead.owner), **_sources(lead)}, at=milliseconds_of(lead.created_at), identity=identity)
        portals.associate(portal, "deals", identity, "contacts", CONTACTS + number)
        if customer.is_company:
            portals.associate(portal, "deals", identity, "companies", COMPANIES + number)
    for stage, at in stages[len(known) if known else 1:]:
        change: dict[str, Any] = {"dealstage": STAGE_OF[stage]}
        if stage in ("won", "lost", "cancelled"):
            change["closedate"] = portals.iso(milliseconds_of(at))
        if stage == "lost":
            change["closed_lost_reason"] = lead.lost_reason
        if stage == "won" and order is not None:
            change["amount"] = str(worth_of(order, at, plan))
        portals.update(portal, "deals", identity, change, at=milliseconds_of(at))


def _sources(lead: Lead) -> dict[str, str | None]:
    """Drill-down 1 is the campaign's UTM name; of social media it is the network, and drill-down 2 the campaign."""
    source, detail = SOURCES[lead.channel]
    campaign = _utm(lead.campaign) if lead.campaign else None
    details = (detail, campaign) if source == "SOCIAL_MEDIA" else (campaign or detail, None)
    return {"hs_analytics_source": source, "hs_analytics_source_data_1": details[0], "hs_analytics_source_data_2": details[1]}


# ---- small parts

def owner_of(plan: Plan, email: str) -> str:
    return str(OWNERS + 1 + next(number for number, one in enumerate(plan.agents) if one.email == email))


def _utm(name: str) -> str:
    return name.lower().replace(" ", "-")


def milliseconds_of(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _began(plan: Plan) -> int:
    return milliseconds_of(start_of(plan.starts_on, plan.time_zone))


def _evening(plan: Plan) -> datetime:
    return local_instant(plan.ends_on, "18:30", plan.time_zone)
