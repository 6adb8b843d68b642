"""Zendesk Support, written over its Ticketing API with an API token of an agent of our own.

- Changes name the `updated_stamp` they were decided on ("Tickets", Protecting against ticket update collisions): when somebody was quicker, nothing is done.
- A new ticket has our marker as Idempotency-Key ("Idempotency", kept for two hours) and as external_id ("Tickets", List Tickets by External ID).
- A comment cannot be searched for: the marker stands at its end, and the ticket's comments are read.
- What customers are told automatically is the mail of a trigger ("Triggers"), which an agent may change whose role is allowed to manage business rules.
  Changing its actions takes all of its conditions and actions, or they are cleared (Update Ticket Trigger).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from connectors.auth import basic
from flows.automation.actions.http import Http, instant, queue_of, ticket_number
from flows.automation.actions.setting import autoreply, closing, setting
from flows.automation.contract import Action, Json, Kind, Parameters, Refused, State, Unavailable, Undo, Unrecognized

API = "api/v2"
SETTLES = timedelta(minutes=5)      # the vendor documents no limit; its own clients give up after a minute
TICKET = ("ticket", "its number")
NOBODY = "nobody"
OVER = ("solved", "closed")
REQUESTER = ("requester_id", "requester_and_ccs")
PRIORITIES = ("low", "normal", "high", "urgent")


@contextmanager
def _open(options: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterator[Http]:
    if not secrets.get("WRITE_TOKEN"):
        raise Refused("no API token: make one for an agent's account, and put it into the variable that ends in _WRITE_TOKEN")
    signed = basic(f"{options['email']}/token", secrets["WRITE_TOKEN"])
    with Http(options["url"], {signed.header: signed.value}, defaults={
            "queue": options.get("tasks", ""), "autoreply": str(options.get("autoreply", ""))}) as session:
        yield session


def _check(session: Http) -> str:
    found = session.get(f"{API}/users/me.json")
    if not isinstance(found, dict) or not (found.get("user") or {}).get("id"):
        raise Unrecognized(f"{session.base} is no Zendesk, or does not know the account")
    return f"Zendesk at {session.base}, as {found['user']['name']} ({found['user']['role']})"


def _ticket(session: Http, number: str) -> dict[str, Any]:
    number = ticket_number(number)
    found = session.get(f"{API}/tickets/{number}.json", none_for=(404,))
    if found is None or found["ticket"]["status"] == "deleted":
        raise Refused(f"there is no ticket {number}")
    return dict(found["ticket"])


def _put(session: Http, number: str, changes: Mapping[str, Json]) -> None:
    ticket = _ticket(session, number)
    try:
        session.send("PUT", f"{API}/tickets/{ticket['id']}.json", {"ticket": {**changes, "safe_update": True, "updated_stamp": ticket["updated_at"]}})
    except Refused as error:
        if "HTTP 409" in str(error):
            raise Unavailable("somebody changed the ticket at the same moment") from None
        raise


def _assignee(session: Http, number: str) -> str:
    person = _ticket(session, number)["assignee_id"]
    return str(session.get(f"{API}/users/{person}.json")["user"]["email"]) if person else NOBODY


def _assign(session: Http, number: str, email: Json) -> None:
    _put(session, number, {"assignee_id": None} if email == NOBODY else {"assignee_email": email})


def _set_status(session: Http, number: str, status: Json) -> None:
    """What is solved has somebody who solved it ("Tickets", Ticket fields, status); where nobody has taken it, that is us."""
    mine = {"assignee_id": session.get(f"{API}/users/me.json")["user"]["id"]} if status == "solved" and _assignee(session, number) == NOBODY else {}
    _put(session, number, {"status": status, **mine})


def _trigger(session: Http) -> tuple[dict[str, Any], int]:
    """The trigger, and which of its actions writes to the requester. An action's value is [whom, subject, body] ("Actions reference", notification_user)."""
    number = str(session.defaults["autoreply"])
    found = session.get(f"{API}/triggers/{number}.json", none_for=(404,)) if number.isdigit() else None
    if found is None:
        raise Refused(f"there is no trigger {number!r}: `autoreply` of the target is the number of the one that answers customers")
    trigger = dict(found["trigger"])
    mails = [place for place, action in enumerate(trigger["actions"]) if action["field"] == "notification_user" and action["value"][0] in REQUESTER]
    if len(mails) != 1:
        raise Refused(f"trigger {number} ({trigger['title']}) writes {len(mails)} mails to the requester, not one")
    return trigger, mails[0]


def _autoreply(session: Http) -> str:
    trigger, place = _trigger(session)
    return str(trigger["actions"][place]["value"][2])


def _set_autoreply(session: Http, text: Json) -> None:
    trigger, place = _trigger(session)
    actions = [dict(action) for action in trigger["actions"]]
    actions[place] = {**actions[place], "value": [*actions[place]["value"][:2], text]}
    session.send("PUT", f"{API}/triggers/{trigger['id']}.json", {"trigger": {"conditions": trigger["conditions"], "actions": actions}})


def _priority(text: str) -> str:
    if text not in PRIORITIES:
        raise Refused(f"{text!r} is no priority; there are {', '.join(PRIORITIES)}")
    return text


def _standing(session: Http, number: str) -> tuple[str, bool]:
    status = str(_ticket(session, number)["status"])
    return status, status in OVER


# ---- what carries the marker

def _note_there(session: Http, given: Parameters, marker: str) -> State:
    path: str | None = f"{API}/tickets/{_ticket(session, given['ticket'])['id']}/comments.json"
    while path:
        found = session.get(path)
        if any(str(comment["body"]).endswith(marker) for comment in found["comments"]):
            return {"note": "there"}
        path = (found.get("next_page") or "").removeprefix(f"{session.base}/") or None
    return {}


def _write_note(session: Http, given: Parameters, before: State, marker: str) -> None:
    _put(session, given["ticket"], {"comment": {"body": f"{given['text']}\n\nMeridian {marker}", "public": False}})


def _task_there(session: Http, given: Parameters, marker: str) -> State:
    found = session.get(f"{API}/tickets.json", {"external_id": marker})["tickets"]
    if not found:
        return {}
    return {"subject": found[0]["subject"], "ticket": str(found[0]["id"]), "status": found[0]["status"]}


def _open_task(session: Http, given: Parameters, before: State, marker: str) -> None:
    queue = queue_of(session, given)
    groups = {group["name"]: group["id"] for group in session.get(f"{API}/groups.json", {"page[size]": 100})["groups"]}
    if queue not in groups:
        raise Refused(f"there is no group {queue!r}; there are {', '.join(sorted(groups))}")
    ticket: dict[str, Json] = {"subject": given["subject"], "comment": {"body": given["text"], "public": False}, "group_id": groups[queue],
                               "type": "task", "external_id": marker}
    if given.get("owner"):
        ticket["assignee_email"] = given["owner"]
    if given.get("due"):
        ticket["due_at"] = instant(given["due"]).isoformat()
    session.send("POST", f"{API}/tickets.json", {"ticket": ticket}, headers={"Idempotency-Key": marker})


KIND = Kind(name="zendesk", options={
    "url": "https://<subdomain>.zendesk.com", "email": "of the agent whose token it is", "tasks?": "the group that gets tasks",
    "autoreply?": "number of the trigger that answers customers automatically"}, secrets=("WRITE_TOKEN",),
            open=_open, check=_check)

ACTIONS = (
    setting("zendesk.set_priority", does={"en": "Set a ticket's priority", "zh-CN": "设置工单优先级"}, of=TICKET, to=("priority", ", ".join(PRIORITIES)),
            settles=SETTLES, read=lambda session, number: _ticket(session, number)["priority"] or "normal", value=_priority,
            write=lambda session, number, value: _put(session, number, {"priority": value})),
    setting("zendesk.assign", does={"en": "Give a ticket to somebody", "zh-CN": "指派工单"}, of=TICKET, to=("owner", "the agent's address"),
            settles=SETTLES, read=_assignee, write=_assign),
    setting("zendesk.set_status", does={"en": "Set a ticket's status", "zh-CN": "设置工单状态"}, of=TICKET, to=("status", "open, pending, hold or solved"),
            settles=SETTLES, read=lambda session, number: _ticket(session, number)["status"], write=_set_status),
    Action(
        name="zendesk.note", does={"en": "Write an internal note on a ticket", "zh-CN": "在工单上添加内部备注"},
        parameters={"ticket": "its number", "text": "of the note"}, repeat="B", settles=SETTLES,
        look=_note_there, wanted=lambda given, before: {"note": "there"}, act=_write_note,
    ),
    Action(
        name="zendesk.open_task", does={"en": "Open a ticket as a task", "zh-CN": "创建任务工单"},
        parameters={"queue?": "the group that gets it; default: the target's `tasks`", "subject": "what", "text": "what is to be done, and why",
                    "owner?": "the agent's address", "due?": "a day or instant, UTC"},
        repeat="B", settles=SETTLES, look=_task_there, wanted=lambda given, before: {"subject": given["subject"]}, act=_open_task,
        undo=lambda given, before, after: Undo(action="zendesk.set_status", parameters={"ticket": after["ticket"], "status": "solved"}),
    ),
    autoreply("zendesk", settles=SETTLES, read=_autoreply, write=_set_autoreply),
    # "Tickets", Ticket fields, status: new is never set again
    closing("zendesk", settles=SETTLES, read=_standing, write=lambda session, number: _set_status(session, number, "solved"),
            back=lambda status: "open" if status == "new" else status),
)
