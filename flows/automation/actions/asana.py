"""Asana, written over its API 1.0 as an app of our own. Tasks only: nothing here is read as a ticket of a customer.

- A task that we open has our marker as its external id, by which it is asked for directly: `GET /tasks/external:<marker>` (developers.asana.com, "Custom
  external data"). External data belong to an app and need OAuth, so the account's permission is a refresh token; an access token lasts an hour ("OAuth",
  Token exchange). That no second task can have the same external id is not documented, so ours is looked for before it is opened again.
- A comment is a story and cannot be searched for: the marker stands at its end, and the task's stories are read ("Stories").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import requests

from flows.automation.actions.http import TIMEOUT, Http, instant, queue_of
from flows.automation.actions.setting import closing, setting
from flows.automation.contract import Action, Json, Kind, Parameters, Refused, State, Unavailable, Undo, Unrecognized

API = "api/1.0"
SETTLES = timedelta(minutes=5)      # the vendor documents no limit of its own; its own clients give up after a minute
OPEN, DONE = "open", "completed"


@contextmanager
def _open(options: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterator[Http]:
    base = str(options.get("url") or "https://app.asana.com")
    with Http(base, {"Authorization": f"Bearer {_access(base, options, secrets)}"}, defaults={"queue": options.get("tasks", "")}) as session:
        yield session


def _access(base: str, options: Mapping[str, Any], secrets: Mapping[str, str]) -> str:
    """ "OAuth", Token exchange endpoint: POST /-/oauth_token as a form."""
    if not base.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise Refused(f"{base!r}: credentials that may write go over https only")
    form = {"grant_type": "refresh_token", "client_id": options["client_id"], "client_secret": secrets["CLIENT_SECRET"],
            "refresh_token": secrets["REFRESH_TOKEN"]}
    try:
        answer = requests.post(f"{base}/-/oauth_token", data=form, timeout=TIMEOUT, allow_redirects=False, auth=lambda request: request)
        token = answer.json().get("access_token") if answer.ok else None
    except (requests.RequestException, ValueError, AttributeError) as error:
        raise Unavailable(f"no access token from {base}: {type(error).__name__}") from None
    if answer.status_code in (400, 401, 403):
        raise Refused(f"{base} refuses the app or its refresh token (HTTP {answer.status_code}): authorize the app anew")
    if not token:
        raise Unavailable(f"no access token from {base}: HTTP {answer.status_code}")
    return str(token)


def _check(session: Http) -> str:
    found = session.get(f"{API}/users/me")
    if not isinstance(found, dict) or not (found.get("data") or {}).get("gid"):
        raise Unrecognized(f"{session.base} is no Asana, or does not know the account")
    return f"Asana at {session.base}, as {found['data']['name']}"


def _task(session: Http, gid: str) -> dict[str, Any]:
    if not gid.isdigit():
        raise Refused(f"{gid!r} is no task's number")
    found = session.get(f"{API}/tasks/{gid}", {"opt_fields": "name,completed"}, none_for=(404,))
    if found is None:
        raise Refused(f"there is no task {gid}")
    return dict(found["data"])


def _put(session: Http, gid: str, changes: Mapping[str, Json]) -> None:
    session.send("PUT", f"{API}/tasks/{_task(session, gid)['gid']}", {"data": dict(changes)})


def _status(task: Mapping[str, Any]) -> str:
    return DONE if task["completed"] else OPEN


def _known(text: str) -> str:
    if text not in (OPEN, DONE):
        raise Refused(f"status is {text!r}; write {OPEN} or {DONE}")
    return text


def _standing(session: Http, gid: str) -> tuple[str, bool]:
    status = _status(_task(session, gid))
    return status, status == DONE


# ---- what carries the marker

def _note_there(session: Http, given: Parameters, marker: str) -> State:
    path, offset = f"{API}/tasks/{_task(session, given['ticket'])['gid']}/stories", ""
    while True:
        found = session.get(path, {"opt_fields": "text,type", "limit": 100, **({"offset": offset} if offset else {})})
        if any(story["type"] == "comment" and str(story.get("text") or "").endswith(marker) for story in found["data"]):
            return {"note": "there"}
        if not found.get("next_page"):
            return {}
        offset = found["next_page"]["offset"]


def _write_note(session: Http, given: Parameters, before: State, marker: str) -> None:
    session.send("POST", f"{API}/tasks/{_task(session, given['ticket'])['gid']}/stories", {"data": {"text": f"{given['text']}\n\nMeridian {marker}"}})


def _task_there(session: Http, given: Parameters, marker: str) -> State:
    found = session.get(f"{API}/tasks/external:{quote(marker)}", {"opt_fields": "name,completed"}, none_for=(404,))
    if found is None:
        return {}
    return {"subject": found["data"]["name"], "ticket": found["data"]["gid"], "status": _status(found["data"])}


def _open_task(session: Http, given: Parameters, before: State, marker: str) -> None:
    task: dict[str, Json] = {"name": given["subject"], "notes": given["text"], "projects": [queue_of(session, given)], "external": {"gid": marker}}
    if given.get("owner"):
        task["assignee"] = given["owner"]               # "Create a task": an address will do
    if given.get("due"):
        at = instant(given["due"])
        task |= {"due_on": given["due"]} if len(given["due"]) == 10 else {"due_at": f"{at:%Y-%m-%dT%H:%M:%S}.000Z"}
    session.send("POST", f"{API}/tasks", {"data": task})


KIND = Kind(name="asana", options={
    "client_id": "of our app in Asana's developer console", "tasks?": "number of the project that gets tasks", "url?": "default https://app.asana.com"},
            secrets=("CLIENT_SECRET", "REFRESH_TOKEN"), open=_open, check=_check)

ACTIONS = (
    setting("asana.set_status", does={"en": "Complete a task, or open it again", "zh-CN": "完成或重新打开任务"}, of=("ticket", "its number"),
            to=("status", f"{OPEN} or {DONE}"), settles=SETTLES, read=lambda session, gid: _status(_task(session, gid)), value=_known,
            write=lambda session, gid, value: _put(session, gid, {"completed": value == DONE})),
    Action(
        name="asana.note", does={"en": "Write a comment on a task", "zh-CN": "在任务上添加评论"}, parameters={"ticket": "its number", "text": "of the comment"},
        repeat="B", settles=SETTLES, look=_note_there, wanted=lambda given, before: {"note": "there"}, act=_write_note,
    ),
    Action(
        name="asana.open_task", does={"en": "Open a task", "zh-CN": "创建任务"},
        parameters={"queue?": "number of the project; default: the target's `tasks`", "subject": "what", "text": "what is to be done, and why",
                    "owner?": "address of who gets it", "due?": "a day or instant, UTC"},
        repeat="B", settles=SETTLES, look=_task_there, wanted=lambda given, before: {"subject": given["subject"]}, act=_open_task,
        undo=lambda given, before, after: Undo(action="asana.set_status", parameters={"ticket": after["ticket"], "status": DONE}),
    ),
    closing("asana", settles=SETTLES, read=_standing, write=lambda session, gid: _put(session, gid, {"completed": True})),
)
