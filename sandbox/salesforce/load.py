"""Brings a Plan into the stand-in: customers as accounts and contacts, leads as leads that are converted to opportunities, tickets as cases (load_cases.py).

Ids are made from the plan's numbers (L00017 -> 17), so the same company has the same ids in every load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.company.deals import Stages, orders_of, stages_of, worth_of
from sandbox.company.hours import local_instant, seconds_of, start_of
from sandbox.company.plan import Agent, Customer, Lead, Order, Plan, number_of
from sandbox.salesforce import load_cases
from sandbox.salesforce import org as orgs
from sandbox.salesforce.load_cases import put
from sandbox.salesforce.org import Org, identity_of

# The stages and statuses that every organisation begins with, and some of its own: (name, closed?, won?, probability).
STAGES = (("Qualification", False, False, 10), ("Proposal/Price Quote", False, False, 75), ("Closed Won", True, True, 100), ("Closed Lost", True, False, 0),
          ("Cancelled", True, False, 0))
STAGE_OF = {"opportunity": "Qualification", "offer": "Proposal/Price Quote", "won": "Closed Won", "lost": "Closed Lost", "cancelled": "Cancelled"}
STATUSES = ("New", "Working", "Qualified", "Unqualified", "Cancelled")
STATUS_OF = {"lead": "New", "lost": "Unqualified", "cancelled": "Cancelled"}


def load(plan: Plan, org: Org) -> dict[str, int]:
    """The whole plan into an empty state. Returns how many records of each kind there are."""
    with org.state.transaction():
        at = _began(plan)
        orgs.create(org, "Organization", {"Name": "Lantern & Oak", "OrganizationType": "Enterprise Edition", "IsSandbox": False}, at=at, number=1)
        for number, (name, closed, won, chance) in enumerate(STAGES, start=1):
            orgs.create(org, "OpportunityStage", {"ApiName": name, "MasterLabel": name, "SortOrder": number, "IsActive": True, "IsClosed": closed,
                                                  "IsWon": won, "DefaultProbability": chance}, at=at, number=number)
        for number, name in enumerate(STATUSES, start=1):
            orgs.create(org, "LeadStatus", {"ApiName": name, "MasterLabel": name, "SortOrder": number, "IsDefault": number == 1,
                                            "IsConverted": name == "Qualified"}, at=at, number=100 + number)
        load_cases.put_statuses(org, at)
        _bring(plan, org, customers=plan.customers, leads={lead.number: None for lead in plan.leads})
        load_cases.bring(plan, org, {ticket.number: None for ticket in plan.tickets}, at)
    return {of: org.state.count(of) for of in ("Account", "Contact", "Lead", "Opportunity", "Case", "User", "Campaign")}


def live_day(before: Plan, after: Plan, deleted: Mapping[str, Iterable[str]], org: Org) -> dict[str, int]:
    """From the end of one plan to the end of the next: new customers, leads and tickets, what happened to old ones, what was thrown away."""
    known, was, now = {customer.number for customer in before.customers}, stages_of(before), stages_of(after)
    changed = {number: was.get(number) for number, stages in now.items() if stages != was.get(number)}
    tickets = {ticket.number: ticket for ticket in before.tickets}
    moved = {ticket.number: tickets.get(ticket.number) for ticket in after.tickets if ticket != tickets.get(ticket.number)}
    evening = seconds_of(local_instant(after.ends_on, "18:30", after.time_zone))
    with org.state.transaction():
        _bring(after, org, customers=[one for one in after.customers if one.number not in known], leads=changed)
        load_cases.bring(after, org, moved, _began(after))
        gone = 0
        for of, kind in (("Lead", "leads"), ("Opportunity", "leads"), ("Case", "tickets")):
            for number in deleted.get(kind, ()):
                item = org.state.get(of, identity_of(of, number_of(number)))
                if item is not None and not item["IsDeleted"]:
                    orgs.delete(org, of, item["Id"], at=evening)
                    gone += 1
    return {"leads": len(changed), "tickets": len(moved), "deleted": gone}


def _bring(plan: Plan, org: Org, *, customers: Iterable[Customer], leads: Mapping[str, Stages | None]) -> None:
    """leads: number -> the stages that the CRM knows already (None: not even the lead)."""
    for number, agent in enumerate(plan.agents, start=1):
        _put_user(plan, org, agent, number)
    campaigns = sorted({lead.campaign for lead in plan.leads if lead.campaign} | {day.campaign for day in plan.channel_days if day.campaign})
    for number, name in enumerate(campaigns, start=1):
        put(org, "Campaign", number, {"Name": name, "Status": "In Progress", "IsActive": True}, at=_began(plan))
    people, stages, orders = {customer.number: customer for customer in plan.customers}, stages_of(plan), orders_of(plan)
    for customer in customers:
        _put_customer(org, customer)
    for lead in plan.leads:
        if lead.number in leads:
            _put_lead(plan, org, lead, people[lead.customer], stages[lead.number], leads[lead.number], orders.get(lead.order or ""),
                      identity_of("Campaign", campaigns.index(lead.campaign) + 1) if lead.campaign else None)


def _put_user(plan: Plan, org: Org, agent: Agent, number: int) -> None:
    values = {"Username": agent.email, "Email": agent.email, "Name": agent.name, "UserType": "Standard"}
    put(org, "User", number, {**values, "IsActive": True}, at=seconds_of(local_instant(agent.hired_on, "09:00", agent.time_zone)), once=True)
    if agent.left_on is not None and agent.left_on <= plan.ends_on:
        put(org, "User", number, {**values, "IsActive": False}, at=seconds_of(local_instant(agent.left_on, "18:00", agent.time_zone)))


def _put_customer(org: Org, customer: Customer) -> None:
    number, at = number_of(customer.number), seconds_of(customer.created_at)
    first, _, last = customer.name.partition(" ")
    account = orgs.create(org, "Account", {"Name": customer.name, "Type": "Customer", "BillingCountryCode": customer.country,
                                           "Customer_Number__c": customer.number}, at=at, number=number)
    orgs.create(org, "Contact", {"AccountId": account, "FirstName": first, "LastName": last, "Name": customer.name, "Email": customer.email,
                                 "MailingCountryCode": customer.country, "Customer_Number__c": customer.number}, at=at, number=number)


def _put_lead(
    plan: Plan, org: Org, lead: Lead, customer: Customer, stages: Stages, known: Stages | None, order: Order | None, campaign: str | None,
) -> None:
    """What comes in is a lead; when it is an opportunity it is converted, and from then on its opportunity goes on."""
    number, owner = number_of(lead.number), load_cases.user_of(plan, lead.owner)
    shared = {"LeadSource": lead.channel.title(), "OwnerId": owner, "CurrencyIsoCode": plan.currency, "Lead_Number__c": lead.number}
    identity, opportunity = identity_of("Lead", number), identity_of("Opportunity", number)
    if known is None:
        first, _, last = customer.name.partition(" ")
        came = seconds_of(lead.created_at)
        orgs.create(org, "Lead", {**shared, "FirstName": first, "LastName": last, "Name": customer.name, "Company": customer.name, "Email": customer.email,
                                  "CountryCode": customer.country, "Status": STATUS_OF["lead"], "IsConverted": False, "Customer_Number__c": customer.number,
                                  "Expected_Amount__c": float(lead.amount)}, at=came, number=number)
        if campaign:
            orgs.create(org, "CampaignMember", {"CampaignId": campaign, "LeadId": identity, "Status": "Responded"}, at=came, number=number)
    for stage, at in stages[len(known) if known else 1:]:
        moment, is_converted = seconds_of(at), org.state.get("Opportunity", opportunity) is not None
        if not is_converted and stage in STATUS_OF:
            orgs.update(org, "Lead", identity, {"Status": STATUS_OF[stage], "Lost_Reason__c": lead.lost_reason if stage == "lost" else None}, at=moment)
            continue
        values: dict[str, Any] = {"StageName": STAGE_OF[stage], "Probability": next(chance for name, _, _, chance in STAGES if name == STAGE_OF[stage])}
        if stage == "lost":
            values["Lost_Reason__c"] = lead.lost_reason
        if stage == "won" and order is not None:
            values["Amount"] = float(worth_of(order, at, plan))
        if is_converted:
            orgs.update(org, "Opportunity", opportunity, values, at=moment)
        else:
            orgs.convert(org, identity, {**shared, "Name": customer.name, "CampaignId": campaign, "Amount": float(lead.amount), **values}, at=moment,
                         account=identity_of("Account", number_of(customer.number)), contact=identity_of("Contact", number_of(customer.number)), number=number)


def _began(plan: Plan) -> int:
    return seconds_of(start_of(plan.starts_on, plan.time_zone))
