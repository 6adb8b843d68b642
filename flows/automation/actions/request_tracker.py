"""Request Tracker 5, written over its REST 2.0 ("REST2", sections Tickets and Transactions), with the token of an account of our own.

RT answers a refused change with 200 and prose, so what was done is known by looking only. What we add carries our marker in its subject: a ticket's subject
can be searched for, a comment's is its transaction's Data. RT gives each change its own transaction, so setting a value that is already there does nothing.

REST 2.0 has no templates, so what customers are told automatically is changed by what the template shows: a custom field of the queue, which an
administrator puts into the template once: { $Ticket->QueueObj->FirstCustomFieldValue('Notice') }. Its value is set with the queue ("REST2", PUT
/queue/:name), which takes the rights AdminQueue and ModifyCustomField on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote

from flows.automation.actions.http import Http, instant, queue_of, ticket_number
from flows.automation.actions.setting import autoreply, closing, setting
from flows.automation.contract import Action, Kind, Parameters, Refused, State, Undo, Unrecognized

API = "REST/2.0"
SETTLES = timedelta(minutes=5)      # RT has no limit of its own; scrips that send mail keep a request for a minute or two at the worst
PAGE = 100
TICKET = ("ticket", "its number")
OVER = ("resolved", "closed", "rejected", "deleted")
PRIORITIES = {"low": 0, "normal": 50, "high": 80, "urgent": 100}


@contextmanager
def _open(options: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterator[Http]:
    if not secrets.get("WRITE_TOKEN"):
        raise Refused("no token: make one for an account that may work on tickets, and put it into the variable that ends in _WRITE_TOKEN")
    with Http(options["url"], {"Authorization": f"token {secrets['WRITE_TOKEN']}"}, defaults={
            "queue": options.get("tasks", ""), "autoreply": options.get("autoreply", "")}) as session:
        yield session


def _check(session: Http) -> str:
    found = session.get(f"{API}/rt")
    if not isinstance(found, dict) or "Version" not in found:
        raise Unrecognized(f"{session.base} is no Request Tracker")
    return f"Request Tracker {found['Version']} at {session.base}"


def _ticket(session: Http, number: str) -> dict[str, Any]:
    number = ticket_number(number)
    found = session.get(f"{API}/ticket/{number}", {"fields": "Status,Subject,Owner,Priority", "fields[Owner]": "Name"}, none_for=(404,))
    if found is None or found.get("Status") == "deleted":
        raise Refused(f"there is no ticket {number}")
    return dict(found)


def _put(session: Http, ticket: str, field: str, value: Any) -> None:
    """RT's prose about a change that it did not make ('That user does not exist') is the only place where it gives the reason."""
    said = session.send("PUT", f"{API}/ticket/{_ticket(session, ticket)['id']}", {field: value})
    text = " ".join(map(str, said)) if isinstance(said, list) else ""
    if any(words in text for words in ("does not exist", "isn't a valid", "Permission Denied", "can't", "may not", "could not be")):
        raise Refused(text)


def _number(text: str) -> int:
    """low, normal, high or urgent, as the marts read RT's numbers (macro request_tracker_priority), or a number."""
    if text in PRIORITIES:
        return PRIORITIES[text]
    if not text.strip().isdigit():
        raise Refused(f"{text!r} is no priority; write a whole number, or {', '.join(PRIORITIES)}")
    return int(text)


def _standing(session: Http, number: str) -> tuple[str, bool]:
    status = str(_ticket(session, number)["Status"])
    return status, status in OVER


def _notice_of(session: Http) -> tuple[str, str]:
    """The queue and its field, as the target names them."""
    queue, _, field = session.defaults["autoreply"].partition("/")
    if not queue or not field:
        raise Refused(f"autoreply is {session.defaults['autoreply']!r}: write '<queue>/<custom field of the queue that its template shows>'")
    return quote(queue, safe=""), field


def _notice(session: Http) -> str:
    """RT leaves out a field without a value, and hides one that we may not see: only one that the queue has is written."""
    queue, field = _notice_of(session)
    found = session.get(f"{API}/queue/{queue}", none_for=(404,))
    if found is None:
        raise Refused(f"there is no queue {unquote(queue)!r}")
    there = {one["name"]: one["values"] for one in found.get("CustomFields") or []}
    if field not in there:
        raise Refused(f"queue {unquote(queue)!r} has no custom field {field!r} that we may see")
    return str(there[field][0]) if there[field] else ""


def _set_notice(session: Http, text: Any) -> None:
    queue, field = _notice_of(session)
    said = session.send("PUT", f"{API}/queue/{queue}", {"CustomFields": {field: text or None}})
    words = " ".join(map(str, said)) if isinstance(said, list) else ""
    if any(refusal in words for refusal in ("Permission Denied", "not found", "does not apply", "Could not")):
        raise Refused(words)


# ---- what carries the marker

def _note_there(session: Http, given: Parameters, marker: str) -> State:
    """Comments are read from the newest back: ours is among the last."""
    ticket, page, pages = _ticket(session, given["ticket"])["id"], 1, 50
    found: list[dict[str, Any]] = []
    while page <= pages:
        rows = session.get(f"{API}/ticket/{ticket}/history", {"fields": "Type,Data", "per_page": PAGE, "page": page})["items"]
        if not rows:
            break
        found, page = [*found, *rows], page + 1
    return {"note": "there"} if any(row["Type"] == "Comment" and marker in (row.get("Data") or "") for row in found) else {}


def _write_note(session: Http, given: Parameters, before: State, marker: str) -> None:
    ticket = _ticket(session, given["ticket"])["id"]
    session.send("POST", f"{API}/ticket/{ticket}/comment", {"Subject": f"Meridian {marker}", "Content": given["text"], "ContentType": "text/plain"})


def _task_there(session: Http, given: Parameters, marker: str) -> State:
    rows = session.get(f"{API}/tickets", {"query": f"Subject LIKE '{marker}'", "fields": "Subject,Status,Queue,Owner", "fields[Queue]": "Name",
                                          "fields[Owner]": "Name", "per_page": PAGE})["items"]
    ours = [row for row in rows if row["Subject"].endswith(f"({marker})")]
    if len(ours) > 1:
        return {"tasks": [str(row["id"]) for row in ours]}          # never as wanted: somebody has to look
    if not ours:
        return {}
    task = ours[0]
    return {"subject": task["Subject"].removesuffix(f" ({marker})"), "queue": task["Queue"]["Name"], "ticket": str(task["id"]), "status": task["Status"]}


def _open_task(session: Http, given: Parameters, before: State, marker: str) -> None:
    content = {"Queue": queue_of(session, given), "Subject": f"{given['subject']} ({marker})", "Content": given["text"], "ContentType": "text/plain"}
    if given.get("owner"):
        content["Owner"] = given["owner"]
    if given.get("due"):
        content["Due"] = f"{instant(given['due']):%Y-%m-%d %H:%M:%S}"
    session.send("POST", f"{API}/ticket", content)


KIND = Kind(
    name="request_tracker", options={"url": "of the server, for instance https://rt.example.org", "tasks?": "the queue in which tasks are opened",
                                     "autoreply?": "<queue>/<custom field of the queue that its template Autoreply shows>"},
    secrets=("WRITE_TOKEN",), open=_open, check=_check,
)

ACTIONS = (
    setting("request_tracker.set_priority", does={"en": "Set a ticket's priority", "zh-CN": "设置工单优先级"}, of=TICKET, to=("priority", "a whole number"),
            settles=SETTLES, read=lambda session, number: int(_ticket(session, number)["Priority"]), value=_number,
            write=lambda session, number, value: _put(session, number, "Priority", value)),
    setting("request_tracker.assign", does={"en": "Give a ticket to somebody", "zh-CN": "指派工单"}, of=TICKET, to=("owner", "an account's name"),
            settles=SETTLES, read=lambda session, number: _ticket(session, number)["Owner"]["Name"],
            write=lambda session, number, value: _put(session, number, "Owner", value)),
    setting("request_tracker.set_status", does={"en": "Set a ticket's status", "zh-CN": "设置工单状态"}, of=TICKET,
            to=("status", "new, open, stalled, resolved or rejected"), settles=SETTLES, read=lambda session, number: _ticket(session, number)["Status"],
            write=lambda session, number, value: _put(session, number, "Status", value)),
    Action(
        name="request_tracker.note", does={"en": "Write an internal note on a ticket", "zh-CN": "在工单上添加内部备注"},
        parameters={"ticket": "its number", "text": "of the note"}, repeat="B", settles=SETTLES,
        look=_note_there, wanted=lambda given, before: {"note": "there"}, act=_write_note,
    ),
    Action(
        name="request_tracker.open_task", does={"en": "Open a ticket as a task", "zh-CN": "创建任务工单"},
        parameters={"queue?": "where; default: the target's `tasks`", "subject": "what", "text": "what is to be done, and why", "owner?": "an account",
                    "due?": "a day or instant, UTC"},
        repeat="B", settles=SETTLES, look=_task_there, wanted=lambda given, before: {"subject": given["subject"]}, act=_open_task,
        undo=lambda given, before, after: Undo(action="request_tracker.set_status", parameters={"ticket": after["ticket"], "status": "rejected"}),
    ),
    autoreply("request_tracker", settles=SETTLES, read=_notice, write=_set_notice),
    closing("request_tracker", settles=SETTLES, read=_standing, write=lambda session, number: _put(session, number, "Status", "resolved")),
)
