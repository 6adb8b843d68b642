"""The one trigger that answers customers automatically, and how it may be changed. Pages cited are those of developer.zendesk.com."""

from __future__ import annotations

from typing import Any

from sandbox.stand_in.state import Item, State
from sandbox.zendesk.rules import invalid, not_found

AUTOREPLY = 360
TEXT = "Your request ({{ticket.id}}) has been received and is being reviewed by our support staff."


def put(state: State, at: int) -> None:
    """Once: what people or automations made of it stays."""
    if state.get("triggers", AUTOREPLY) is None:
        state.put("triggers", {
            "id": AUTOREPLY, "title": "Notify requester of new request via email", "active": True,
            "conditions": {"all": [{"field": "update_type", "operator": "is", "value": "Create"}], "any": []},
            "actions": [{"field": "notification_user", "value": ["requester_id", "[Request received]", TEXT]}]}, at)


def one(state: State, identity: str) -> tuple[int, Any]:
    found = state.get("triggers", int(identity))
    if found is None:
        raise not_found()
    return 200, {"trigger": found}


def update(state: State, identity: str, asked: Item) -> tuple[int, Any]:
    """ "Triggers", Update Ticket Trigger: changing conditions or actions replaces both, and what is left out is cleared; one without actions is refused."""
    _, found = one(state, identity)
    trigger = dict(found["trigger"])
    if {"conditions", "actions"} & set(asked):
        trigger |= {"conditions": asked.get("conditions") or {"all": [], "any": []}, "actions": asked.get("actions") or []}
    trigger |= {name: asked[name] for name in ("title", "active") if name in asked}
    if not trigger["actions"]:
        raise invalid("actions", "Actions: must have at least one")
    if not trigger["conditions"].get("all") and not trigger["conditions"].get("any"):
        raise invalid("conditions", "Conditions: must have at least one")
    state.put("triggers", trigger, state.stamp())
    return 200, {"trigger": trigger}
