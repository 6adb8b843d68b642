"""Jira Cloud, written over its REST API v3 with an API token of an account of our own. Tasks only: nothing here is read as a ticket of a customer.

- An issue that we open carries our marker as a label. An issue property would be found by JQL only where an app declares its index (developer.atlassian.com,
  Forge manifest, "Jira entity property"); a label always is ("Search fields", labels).
- The index is behind: searches "may return stale or outdated data", for "a few seconds to minutes" ("Search After Write with Search And Reconcile"). So an
  unknown answer is looked for after a quarter of an hour. What we opened ourselves a moment ago is named in `reconcileIssues`, and is found at once.
- A status is changed by a transition of the issue's workflow ("Issues", Get transitions, Transition issue), so whether it is over is its category: `done`.
- A comment cannot be searched for: the marker stands at its end, and the issue's comments are read ("Issue comments"). Text is Atlassian Document Format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from connectors.auth import basic
from flows.automation.actions.http import Http, instant, queue_of
from flows.automation.actions.setting import closing, setting
from flows.automation.contract import Action, Json, Kind, Parameters, Refused, State, Undo, Unrecognized

API = "rest/api/3"
SETTLES = timedelta(minutes=15)
DONE = "done"                       # key of the status category ("Workflow status categories")
PAGE = 100


class Session(Http):
    """opened: marker -> id of what this session opened, which the index may not know yet."""

    def __init__(self, base: str, headers: Mapping[str, str], *, defaults: Mapping[str, str]) -> None:
        super().__init__(base, headers, defaults=defaults)
        self.opened: dict[str, int] = {}


@contextmanager
def _open(options: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterator[Session]:
    if not secrets.get("WRITE_TOKEN"):
        raise Refused("no API token: make one for an account of its own, and put it into the variable that ends in _WRITE_TOKEN")
    signed = basic(options["email"], secrets["WRITE_TOKEN"])
    defaults = {"queue": options.get("tasks", ""), "type": options.get("issue_type", "Task")}
    session = Session(options["url"], {signed.header: signed.value}, defaults=defaults)
    with session:
        yield session


def _check(session: Http) -> str:
    found = session.get(f"{API}/myself")
    if not isinstance(found, dict) or not found.get("accountId"):
        raise Unrecognized(f"{session.base} is no Jira, or does not know the account")
    return f"Jira at {session.base}, as {found['displayName']}"


def _issue(session: Http, key: str) -> dict[str, Any]:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*-\d+", key):
        raise Refused(f"{key!r} is no issue's key; it looks like OPS-17")
    found = session.get(f"{API}/issue/{key}", {"fields": "status,summary"}, none_for=(404,))
    if found is None:
        raise Refused(f"there is no issue {key}")
    return dict(found)


def _status(session: Http, key: str) -> tuple[str, bool]:
    status = _issue(session, key)["fields"]["status"]
    return str(status["name"]), status["statusCategory"]["key"] == DONE


def _move(session: Http, key: str, name: str = "") -> None:
    """By the transition that leads to the status of this name, or to one that says done; a workflow has none to where an issue is."""
    now, is_over = _status(session, key)
    if now == name or (is_over and not name):
        return
    ways = session.get(f"{API}/issue/{key}/transitions")["transitions"]
    fitting = [way for way in ways if (way["to"]["name"] == name if name else way["to"]["statusCategory"]["key"] == DONE)]
    if not fitting:
        raise Refused(f"no transition of {key} leads to {name or 'a status that is done'}; there are {', '.join(way['to']['name'] for way in ways) or 'none'}")
    session.send("POST", f"{API}/issue/{key}/transitions", {"transition": {"id": fitting[0]["id"]}})


def _document(text: str) -> Json:
    """Atlassian Document Format: a paragraph a line."""
    return {"type": "doc", "version": 1, "content": [
        {"type": "paragraph", "content": [{"type": "text", "text": line}] if line else []} for line in text.split("\n")]}


def _plain(node: Json) -> str:
    """The text of a document, its lines joined."""
    return str(node.get("text") or "") + "\n".join(_plain(child) for child in node.get("content") or ())


# ---- what carries the marker

def _note_there(session: Http, given: Parameters, marker: str) -> State:
    key, start = _issue(session, given["ticket"])["key"], 0
    while True:
        found = session.get(f"{API}/issue/{key}/comment", {"startAt": start, "maxResults": PAGE, "orderBy": "-created"})
        if any(_plain(comment["body"]).endswith(marker) for comment in found["comments"]):
            return {"note": "there"}
        start += len(found["comments"])
        if not found["comments"] or start >= found["total"]:
            return {}


def _write_note(session: Http, given: Parameters, before: State, marker: str) -> None:
    key = _issue(session, given["ticket"])["key"]
    session.send("POST", f"{API}/issue/{key}/comment", {"body": _document(f"{given['text']}\n\nMeridian {marker}")})


def _task_there(session: Session, given: Parameters, marker: str) -> State:
    asked: list[tuple[str, str]] = [("jql", f'labels = "{marker}"'), ("fields", "summary,status"), ("maxResults", "10")]
    asked += [("reconcileIssues", str(session.opened[marker]))] if marker in session.opened else []
    found = session.get(f"{API}/search/jql", asked)["issues"]
    if len(found) > 1:
        return {"tasks": [issue["key"] for issue in found]}         # never as wanted: somebody has to look
    if not found:
        return {}
    return {"subject": found[0]["fields"]["summary"], "ticket": found[0]["key"], "status": found[0]["fields"]["status"]["name"]}


def _open_task(session: Session, given: Parameters, before: State, marker: str) -> None:
    fields: dict[str, Json] = {
        "project": {"key": queue_of(session, given)}, "issuetype": {"name": session.defaults["type"]}, "summary": _line(given["subject"]),
        "description": _document(given["text"]), "labels": [marker]}
    if given.get("due"):
        fields["duedate"] = instant(given["due"]).date().isoformat()
    if given.get("owner"):
        fields["assignee"] = {"accountId": _account(session, given["owner"])}
    made = session.send("POST", f"{API}/issue", {"fields": fields})
    session.opened[marker] = int(made["id"])


def _line(subject: str) -> str:
    """ "Create issue": a summary has one line of at most 255 characters."""
    return " ".join(subject.split())[:255]


def _account(session: Http, email: str) -> str:
    """ "User search", Find users: people may hide their address, so only one who is found alone is meant."""
    found = session.get(f"{API}/user/search", {"query": email})
    if len(found) != 1:
        raise Refused(f"{len(found)} accounts are found for {email!r}; leave `owner` out, or let this person show the address")
    return str(found[0]["accountId"])


KIND = Kind(name="jira", options={
    "url": "https://<site>.atlassian.net", "email": "of the account whose token it is", "tasks?": "key of the project that gets tasks",
    "issue_type?": "of a task; default Task"}, secrets=("WRITE_TOKEN",), open=_open, check=_check)

ACTIONS = (
    setting("jira.set_status", does={"en": "Set an issue's status", "zh-CN": "设置事项状态"}, of=("ticket", "its key"),
            to=("status", "as its workflow calls it"), settles=SETTLES, read=lambda session, key: _status(session, key)[0], write=_move),
    Action(
        name="jira.note", does={"en": "Write a comment on an issue", "zh-CN": "在事项上添加评论"}, parameters={"ticket": "its key", "text": "of the comment"},
        repeat="B", settles=SETTLES, look=_note_there, wanted=lambda given, before: {"note": "there"}, act=_write_note,
    ),
    Action(
        name="jira.open_task", does={"en": "Open an issue as a task", "zh-CN": "创建任务事项"},
        parameters={"queue?": "key of the project; default: the target's `tasks`", "subject": "what", "text": "what is to be done, and why",
                    "owner?": "address of an account", "due?": "a day or instant, UTC"},
        repeat="B", settles=SETTLES, look=_task_there, wanted=lambda given, before: {"subject": _line(given["subject"])}, act=_open_task,
        undo=lambda given, before, after: Undo(action="jira.close_task", parameters={"ticket": after["ticket"], "was": after["status"]}),
    ),
    closing("jira", settles=SETTLES, read=_status, write=_move),
)
