"""The stand-in's HTTP side: `answer` for sandbox/stand_in/serving.py."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.stand_in.limits import Failure, json_object
from sandbox.stand_in.serving import Routes
from sandbox.stand_in.state import Item, State

ACCESS_SECONDS = 3600               # "OAuth", Token exchange: expires_in
EXTERNAL_LENGTH = 1024              # "Custom external data"


@dataclass(frozen=True, kw_only=True)
class App:
    """An app of the developer console, and the permission that one user gave it."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    personal_token: str = field(repr=False)         # of the same user, without the app: it sees no external data


def failure(status: int, message: str) -> Failure:
    """ "Errors"."""
    return Failure(status, {"errors": [{"message": message, "help": "For more information on API status codes, read the docs on errors"}]})


class Api:
    """projects: numbers. people: address -> number."""

    def __init__(self, state: State, app: App, projects: tuple[str, ...], people: Mapping[str, str]) -> None:
        self.state, self._app, self._projects, self._people = state, app, projects, people
        self._routes = Routes(
            ("GET", r"users/me", self.me), ("POST", r"tasks", self.create), ("GET", r"tasks/([^/]+)", self.one), ("PUT", r"tasks/([^/]+)", self.update),
            ("GET", r"tasks/([^/]+)/stories", self.stories), ("POST", r"tasks/([^/]+)/stories", self.comment),
        )

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], Any]:
        parts = urlsplit(url)
        try:
            if (method, parts.path) == ("POST", "/-/oauth_token"):
                return self._token({name: values[0] for name, values in parse_qs(body.decode()).items()})
            path = parts.path.removeprefix("/api/1.0/")
            is_app = self._authenticate(headers)
            found = self._routes.find(method, path) if path != parts.path else None
            if found is None:
                raise failure(404, "No matching route for request")
            function, groups = found
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            data = json_object(body, lambda why: failure(400, why)).get("data") or {}
            with self.state.transaction():
                status, answer = function(is_app, query if method == "GET" else data, *map(unquote, groups))
            return status, {}, answer
        except Failure as refused:
            return refused.status, refused.headers, refused.body

    def _token(self, form: Mapping[str, str]) -> tuple[int, Mapping[str, str], Any]:
        """ "OAuth", Token exchange endpoint, with grant_type refresh_token: a new access token; the refresh token stays."""
        if form.get("grant_type") != "refresh_token":
            return 400, {}, {"error": "unsupported_grant_type"}
        if form.get("client_id") != self._app.client_id or not hmac.compare_digest(form.get("client_secret", "").encode(), self._app.client_secret.encode()):
            return 401, {}, {"error": "invalid_client"}
        if not hmac.compare_digest(form.get("refresh_token", "").encode(), self._app.refresh_token.encode()):
            return 400, {}, {"error": "invalid_grant"}
        token = secrets.token_urlsafe(12)
        self.state.set_fact(f"access {token}", self.state.now().timestamp() + ACCESS_SECONDS)
        return 200, {}, {"access_token": token, "expires_in": ACCESS_SECONDS, "token_type": "bearer", "data": {"gid": "1", "name": "Meridian"}}

    def _authenticate(self, headers: Mapping[str, str]) -> bool:
        """Whether as the app. "Authentication": a bearer token."""
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(token.encode(), self._app.personal_token.encode()):
            return False
        if self.state.fact(f"access {token}", 0) > self.state.now().timestamp():
            return True
        raise failure(401, "Not Authorized")

    def me(self, is_app: bool, given: Item) -> tuple[int, Any]:
        return 200, {"data": {"gid": "1", "name": "Meridian", "resource_type": "user"}}

    def create(self, is_app: bool, given: Item) -> tuple[int, Any]:
        """ "Create a task": 201; one of projects, parent or workspace is needed."""
        projects = given.get("projects") or []
        if not projects:
            raise failure(400, "You should specify one of workspace, parent, projects")
        if any(project not in self._projects for project in projects):
            raise failure(400, f"projects: Unknown object: {projects[0]}")
        external = (given.get("external") or {}).get("gid")
        if external is not None and not is_app:
            raise failure(403, "Forbidden: external data is available to OAuth apps only")
        if external is not None and len(external) > EXTERNAL_LENGTH:
            raise failure(400, f"external.gid: may have at most {EXTERNAL_LENGTH} characters")
        assignee = given.get("assignee")
        if assignee is not None and assignee not in self._people and assignee not in self._people.values():
            raise failure(400, f"assignee: Unknown object: {assignee}")
        if given.get("due_on") and given.get("due_at"):
            raise failure(400, "Cannot set both due_on and due_at")
        if given.get("due_on") and not re.fullmatch(r"\d{4}-\d\d-\d\d", given["due_on"]):
            raise failure(400, "due_on: Value is not a date")
        (identity,) = self.state.next_ids("task", first=1_200_000_001)
        task = {"id": identity, "name": given.get("name", ""), "notes": given.get("notes", ""), "projects": projects, "external": external, "completed": False,
                "assignee": self._people.get(assignee or "", assignee), "due_on": given.get("due_on"), "due_at": given.get("due_at")}
        self.state.put("tasks", task, self.state.stamp())
        return 201, {"data": self._shown(task)}

    def one(self, is_app: bool, given: Item, gid: str) -> tuple[int, Any]:
        return 200, {"data": self._shown(self._task(is_app, gid))}

    def update(self, is_app: bool, given: Item, gid: str) -> tuple[int, Any]:
        """ "Update a task": what is not named stays."""
        task = self._task(is_app, gid)
        if not isinstance(given.get("completed", False), bool):
            raise failure(400, "completed: Value is not a boolean")
        task = {**task, **{name: given[name] for name in ("name", "notes", "completed") if name in given}}
        self.state.put("tasks", task, self.state.stamp())
        return 200, {"data": self._shown(task)}

    def stories(self, is_app: bool, given: Item, gid: str) -> tuple[int, Any]:
        """ "Stories", Get stories from a task: the oldest first; "Pagination": limit 1 to 100, and an offset that was given out."""
        found = self.state.matching("stories", "task", self._task(is_app, gid)["id"])
        start, most = int(given.get("offset", "o0")[1:]), min(int(given.get("limit", "100")), 100)
        page = [{"gid": str(story["id"]), "type": "comment", "text": story["text"]} for story in found[start:start + most]]
        more = {"offset": f"o{start + most}"} if start + most < len(found) else None
        return 200, {"data": page, "next_page": more}

    def comment(self, is_app: bool, given: Item, gid: str) -> tuple[int, Any]:
        task = self._task(is_app, gid)
        if not given.get("text"):
            raise failure(400, "text: Missing input")
        (identity,) = self.state.next_ids("story", first=1_300_000_001)
        self.state.put("stories", {"id": identity, "task": task["id"], "text": given["text"]}, self.state.stamp())
        return 201, {"data": {"gid": str(identity), "type": "comment", "text": given["text"]}}

    def _task(self, is_app: bool, gid: str) -> Item:
        """By number, or by `external:<gid>` of the same app."""
        external = gid.removeprefix("external:") if gid.startswith("external:") and is_app else None
        found = self.state.items("tasks", where=lambda task: task["external"] == external if external else str(task["id"]) == gid)
        if not found:
            raise failure(404, f"task: Unknown object: {gid}")
        return found[0]

    def _shown(self, task: Item) -> Item:
        return {"gid": str(task["id"]), "resource_type": "task", "name": task["name"], "completed": task["completed"], "notes": task["notes"]}
