"""What happens to a ticket: created, updated, rated, deleted. The loader, a lived day and the API's writes all go through here, so all of them
leave the same traces: an audit with its child events, metric events, a rating.

Shapes after "Tickets", "Ticket Audits", "Incremental Exports" (ticket events with the comment_events sideload), "Ticket metric event types
reference" and "Satisfaction Ratings" of developer.zendesk.com.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from sandbox.company.hours import OpenTime, instant_of, iso, seconds_of
from sandbox.stand_in.state import Item, State

SYSTEM = -1                      # updater_id of rules and automations
ORDER_FIELD = 360001             # the custom field that holds the ERP's order number
FIELDS = ("subject", "requester_id", "group_id", "assignee_id", "priority", "status", "type", "tags")
VIA = {"email": "Mail", "web": "Web form", "chat": "Chat", "voice": "Phone call (inbound)", "api": "Web service", "rule": "Rule"}
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")
TYPES = ("question", "incident", "problem", "task")
EVENT_IDS = 70_000_000


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What an SLA policy promises, and on whose hours. targets: (metric, priority) -> minutes."""

    record: Item
    targets: dict[tuple[str, str], int]
    open_time: OpenTime


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The state and the policies by the tag that chooses them; `bots` are users whose answers are not an agent's."""

    state: State
    base_url: str
    policies: dict[str, Policy]
    bots: frozenset[int]


def create(desk: Desk, ticket: Item, *, at: int, body: str, author: int, via: str, public: bool = True) -> Item:
    """A new ticket. `ticket`: id and whatever fields are set at creation. Returns the ticket as the API shows it."""
    order = ticket.pop("order", None)
    custom = [{"id": ORDER_FIELD, "value": order}]
    whole = {
        "url": f"{desk.base_url}/api/v2/tickets/{ticket['id']}.json", "id": ticket["id"], "external_id": None,
        "via": {"channel": via, "source": {"from": {}, "to": {}, "rel": None}}, "created_at": iso(at), "updated_at": iso(at), "generated_timestamp": at,
        "type": None, "subject": None, "raw_subject": ticket.get("subject"), "description": body, "priority": None, "status": "new", "recipient": None,
        "requester_id": author, "submitter_id": author, "assignee_id": None, "organization_id": None, "group_id": None, "collaborator_ids": [],
        "follower_ids": [], "email_cc_ids": [], "forum_topic_id": None, "problem_id": None, "has_incidents": False, "is_public": public, "due_at": None,
        "tags": [],
        "custom_fields": custom, "satisfaction_rating": {"score": "unoffered"}, "sharing_agreement_ids": [], "custom_status_id": None, "fields": custom,
        "followup_ids": [], "ticket_form_id": 1, "brand_id": 1, "allow_channelback": False, "allow_attachments": True, "from_messaging_channel": False,
        **ticket,
    }
    with desk.state.transaction():
        children = [{name: _said(name, whole[name]), "event_type": "Create"} for name in FIELDS if whole[name] not in (None, [])]
        _audit(desk, whole, children, at=at, updater=whole["submitter_id"], via=via, comment={"body": body, "public": public, "author_id": author})
        desk.state.put("tickets", whole, at)
        clocks: Item = {"id": whole["id"], "reply": 0}
        for metric in ("reply_time", "agent_work_time", "requester_wait_time", "resolution_time"):
            _start(desk, clocks, whole, metric, at, first=metric == "reply_time")
        if whole["status"] not in ("new", "open"):
            _status_clocks(desk, clocks, whole, "new", at)
        desk.state.put("clocks", clocks, at)
    return whole


def update(desk: Desk, ticket: Item, changes: Item, *, at: int, updater: int, via: str = "web") -> Item:
    """One update of a ticket: fields of FIELDS, `comment` {body, public, author_id}, `score` of a rating. Writes one audit; none if nothing changes."""
    before, children = dict(ticket), []
    comment = changes.get("comment")
    with desk.state.transaction():
        clocks = desk.state.get("clocks", ticket["id"]) or {"id": ticket["id"], "reply": 0}
        _breaches(desk, clocks, ticket, at)
        for name in FIELDS:
            if name in changes and changes[name] != ticket[name]:
                child = {name: _said(name, changes[name]), "previous_value": _said(name, ticket[name]), "event_type": "Change"}
                if name == "tags":
                    child |= {"added_tags": sorted(set(changes[name]) - set(ticket[name])), "removed_tags": sorted(set(ticket[name]) - set(changes[name]))}
                children.append(child)
                ticket[name] = changes[name]
        if ticket["status"] == "solved" and before["status"] != "solved" and ticket["satisfaction_rating"]["score"] == "unoffered":
            children.append({"satisfaction_score": "offered", "previous_value": "unoffered", "event_type": "Change", "via": "Rule"})
            ticket["satisfaction_rating"] = {"score": "offered"}
        if score := changes.get("score"):
            rating = _rate(desk, ticket, score, changes.get("rating_comment"), at)
            children.append({"satisfaction_score": score, "previous_value": before["satisfaction_rating"]["score"], "event_type": "Change"})
            ticket["satisfaction_rating"] = {"score": score, "id": rating["id"], "comment": rating["comment"]}
        if not children and comment is None:
            return ticket
        # "Incremental Ticket Export": updated_at moves with every update that makes a ticket event, generated_timestamp with every update.
        ticket |= {"updated_at": iso(at), "generated_timestamp": at}
        if comment is not None:
            comment = {"public": True, "author_id": updater, **comment}
            _comment_clocks(desk, clocks, ticket, comment, at)
        if ticket["status"] != before["status"]:
            _status_clocks(desk, clocks, ticket, before["status"], at)
        elif ticket["priority"] != before["priority"]:
            for metric in ("reply_time", "requester_wait_time"):
                _apply_policy(desk, clocks, ticket, metric, at)
        _audit(desk, ticket, children, at=at, updater=updater, via=via, comment=comment)
        desk.state.put("tickets", ticket, at)
        desk.state.put("clocks", clocks, at)
    return ticket


def touch(desk: Desk, ticket: Item, *, at: int) -> None:
    """A system update: it makes no ticket event and leaves updated_at alone ("Incremental Ticket Export, Time Based")."""
    ticket["generated_timestamp"] = at
    desk.state.put("tickets", ticket, at)


def look_at_clocks(desk: Desk, until: int) -> None:
    """Writes the breaches whose time has come before `until`, of every clock that still runs. "Ticket Metric Events": a breach's `time` is when it occurred,
    and the export lists events by it, so none may turn up once exports have passed its instant, only because its ticket was touched."""
    for running in desk.state.items("clocks", where=lambda item: any(isinstance(clock, dict) and clock["since"] is not None for clock in item.values())):
        ticket = desk.state.get("tickets", running["id"])
        if ticket is None or ticket["status"] == "deleted" or not _due(desk, running, ticket, until):
            continue
        with desk.state.transaction():
            clocks = desk.state.get("clocks", running["id"]) or running     # again: an update may have come between
            _breaches(desk, clocks, ticket, until)
            desk.state.put("clocks", clocks, until)


def delete(desk: Desk, ticket: Item, *, at: int, actor: int = SYSTEM) -> None:
    """Soft deletion: the exports go on to show the ticket, with status `deleted` ("Using the Incremental Exports API", "Excluding deleted tickets")."""
    user = desk.state.get("users", actor)
    told = {"id": ticket["id"], "subject": ticket["subject"], "actor": {"id": actor, "name": user["name"] if user else "System"}, "deleted_at": iso(at),
            "previous_state": ticket["status"]}
    ticket |= {"status": "deleted", "updated_at": iso(at), "generated_timestamp": at}
    with desk.state.transaction():
        desk.state.put("deleted_tickets", told, at)
        desk.state.put("tickets", ticket, at)
        # Not documented; ratings of deleted tickets are no longer listed.
        for rating in desk.state.matching("satisfaction_ratings", "ticket_id", ticket["id"]):
            desk.state.delete("satisfaction_ratings", rating["id"])


def restore(desk: Desk, ticket: Item, *, at: int) -> None:
    """ "Tickets", Restore a Previously Deleted Ticket: it stands as before, and its update is told by the exports."""
    told = desk.state.get("deleted_tickets", ticket["id"])
    assert told is not None, f"ticket {ticket['id']} is not deleted"
    ticket |= {"status": told["previous_state"], "updated_at": iso(at), "generated_timestamp": at}
    with desk.state.transaction():
        desk.state.put("tickets", ticket, at)
        desk.state.delete("deleted_tickets", ticket["id"])


# ---- traces

def _said(name: str, value: Any) -> Any:
    """In audits ids are text ("Ticket Audits", Change event)."""
    return str(value) if name.endswith("_id") and value is not None else value


def _audit(desk: Desk, ticket: Item, children: list[Item], *, at: int, updater: int, via: str, comment: Item | None) -> None:
    ids = list(desk.state.next_ids("event", 2 + len(children), first=EVENT_IDS))
    identity, spoken, is_creation = ids.pop(0), VIA.get(via, via), ticket["created_at"] == iso(at)
    spoken_id = ids.pop() if is_creation else ids.pop(0)   # of an update the comment comes first, of a creation last
    events: list[Item] = [{"id": ids.pop(0), "via": spoken, "via_reference_id": None, **child} for child in children]
    if comment is not None:
        text = comment["body"]
        events.insert(len(events) if is_creation else 0, {
            "id": spoken_id, "type": "Comment", "author_id": comment["author_id"], "body": text,
            "html_body": f'<div class="zd-comment"><p>{escape(text)}</p></div>', "plain_body": text, "public": comment["public"],
            "attachments": [], "audit_id": identity, "created_at": iso(at), "event_type": "Comment",
            "via": {"channel": via, "source": {"from": {}, "to": {}, "rel": None}}, "via_reference_id": None,
        })
    desk.state.put("ticket_events", {
        "id": identity, "ticket_id": ticket["id"], "timestamp": at, "created_at": iso(at), "updater_id": updater, "via": spoken,
        "system": {"client": None, "location": None, "latitude": None, "longitude": None}, "metadata": {}, "event_type": "Audit", "child_events": events,
    }, at)


def _rate(desk: Desk, ticket: Item, score: str, comment: str | None, at: int) -> Item:
    (identity,) = desk.state.next_ids("rating", first=9_001)
    rating = {
        "id": identity, "url": f"{desk.base_url}/api/v2/satisfaction_ratings/{identity}.json", "assignee_id": ticket["assignee_id"],
        "group_id": ticket["group_id"], "requester_id": ticket["requester_id"], "ticket_id": ticket["id"], "score": score,
        "created_at": iso(at), "updated_at": iso(at), "comment": comment,
        "reason": None, "reason_id": None, "reason_code": None,
    }
    desk.state.put("satisfaction_ratings", rating, at)
    return rating


# ---- metric events ("Ticket metric event types reference")

def _metric(desk: Desk, ticket: Item, metric: str, instance: int, kind: str, at: int, **more: Any) -> None:
    (identity,) = desk.state.next_ids("metric event", first=60_000_001)
    event = {"id": identity, "ticket_id": ticket["id"], "metric": metric, "instance_id": instance, "type": kind, "time": iso(at), **more}
    desk.state.put("ticket_metric_events", event, at)


def _start(desk: Desk, clocks: Item, ticket: Item, metric: str, at: int, *, first: bool = False) -> None:
    """The clock runs (again). A clock: instance, since (running) or None, open seconds used so far, target in seconds, whether breached."""
    clock = clocks.setdefault(metric, {"instance": 1, "since": None, "used": 0, "target": None, "breached": False, "started": at})
    if metric == "reply_time":
        clocks["reply"] += 1
        clock |= {"instance": clocks["reply"], "used": 0, "target": None, "breached": False, "started": at}
    clock["since"] = at
    _metric(desk, ticket, metric, clock["instance"], "activate", at)
    if clock["target"] is None:
        _apply_policy(desk, clocks, ticket, metric, at)


def _apply_policy(desk: Desk, clocks: Item, ticket: Item, metric: str, at: int) -> None:
    policy, clock = _policy(desk, ticket), clocks.get(metric)
    if policy is None or clock is None or clock["since"] is None:
        return
    name = {"reply_time": "first_reply_time" if clock["instance"] == 1 else "next_reply_time"}.get(metric, metric)
    minutes = policy.targets.get((name, ticket["priority"] or "normal"))
    if minutes is None or minutes * 60 == clock["target"]:
        return
    clock |= {"target": minutes * 60, "breached": False}
    _metric(desk, ticket, metric, clock["instance"], "apply_sla", at, sla={
        "target": minutes, "target_in_seconds": minutes * 60, "business_hours": True,
        "policy": {"id": policy.record["id"], "title": policy.record["title"], "description": policy.record["description"]}})


def _policy(desk: Desk, ticket: Item) -> Policy | None:
    return next((desk.policies[tag] for tag in ticket["tags"] if tag in desk.policies), None)


def _stop(desk: Desk, clocks: Item, ticket: Item, metric: str, at: int, kind: str) -> None:
    clock = clocks.get(metric)
    if clock is None or clock["since"] is None:
        return
    policy = _policy(desk, ticket)
    clock["used"] += (policy.open_time.passed(at) - policy.open_time.passed(clock["since"])) if policy else at - clock["since"]
    clock["since"] = None
    _metric(desk, ticket, metric, clock["instance"], kind, at)
    if kind == "fulfill":
        status = {"calendar": (at - clock["started"]) // 60, "business": clock["used"] // 60}
        _metric(desk, ticket, metric, clock["instance"], "update_status", at, status=status)


def _due(desk: Desk, clocks: Item, ticket: Item, at: int) -> list[tuple[str, int]]:
    """(metric, instant) of the running clocks whose target passed before `at` and of which nothing says so yet."""
    policy, found = _policy(desk, ticket), []
    for metric in ("reply_time", "requester_wait_time"):
        clock = clocks.get(metric)
        if policy is None or clock is None or clock["since"] is None or clock["target"] is None or clock["breached"]:
            continue
        left = clock["target"] - clock["used"]
        due = seconds_of(policy.open_time.after(instant_of(clock["since"]), left / 60)) if left > 0 else clock["since"]
        if due < at:
            found.append((metric, due))
    return found


def _breaches(desk: Desk, clocks: Item, ticket: Item, at: int) -> None:
    """Breach events of the clocks whose target passed since the last look, each at its own instant."""
    for metric, due in _due(desk, clocks, ticket, at):
        clocks[metric]["breached"] = True
        _metric(desk, ticket, metric, clocks[metric]["instance"], "breach", due, deleted=False)


def _status_clocks(desk: Desk, clocks: Item, ticket: Item, before: str, at: int) -> None:
    status = ticket["status"]
    if status in ("solved", "closed"):
        for metric in ("agent_work_time", "requester_wait_time", "resolution_time"):
            _stop(desk, clocks, ticket, metric, at, "fulfill")
        return
    stopped = {"pending": ("agent_work_time", "requester_wait_time"), "hold": ("agent_work_time",)}.get(status, ())
    for metric in ("agent_work_time", "requester_wait_time", "resolution_time"):
        clock = clocks.get(metric)
        if metric in stopped:
            _stop(desk, clocks, ticket, metric, at, "pause")
        elif clock is None or clock["since"] is None:
            _start(desk, clocks, ticket, metric, at)


def _comment_clocks(desk: Desk, clocks: Item, ticket: Item, comment: Item, at: int) -> None:
    if not comment["public"]:
        return
    if comment["author_id"] == ticket["requester_id"]:
        if (clocks.get("reply_time") or {}).get("since") is None:
            _start(desk, clocks, ticket, "reply_time", at)
    elif comment["author_id"] not in desk.bots:   # an automatic acknowledgement is not an agent's reply
        _stop(desk, clocks, ticket, "reply_time", at, "fulfill")
