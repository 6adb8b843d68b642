"""The stand-in's HTTP side: `answer` for sandbox/stand_in/serving.py."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.stand_in.limits import Failure, basic_credentials, json_object
from sandbox.stand_in.serving import Routes
from sandbox.stand_in.state import Item, State

# "Workflow status categories": every status belongs to one of new, indeterminate and done; a simplified workflow lets any follow any.
STATUSES: Mapping[str, str] = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
SUMMARY_LENGTH = 255
MOST_RECONCILED = 50


@dataclass(frozen=True, kw_only=True)
class Account:
    """ "Basic auth for REST APIs": an address and an API token."""

    email: str
    token: str = field(repr=False)
    account_id: str
    name: str
    shows_address: bool = True


def failure(status: int, *messages: str, **errors: str) -> Failure:
    """ "Status codes": errorMessages, and errors by field."""
    return Failure(status, {"errorMessages": list(messages), "errors": errors})


class Api:
    """projects: keys. index_delay: so long a change is not seen by a search ("Search After Write with Search And Reconcile")."""

    def __init__(
        self, state: State, accounts: list[Account], projects: tuple[str, ...], *, url: str = "", index_delay: timedelta = timedelta(minutes=2),
    ) -> None:
        self.state, self._accounts, self._projects, self.url, self._delay = state, accounts, projects, url, index_delay
        self._routes = Routes(
            ("GET", r"myself", self.myself), ("GET", r"user/search", self.users), ("POST", r"issue", self.create),
            ("GET", r"issue/([^/]+)", self.one), ("GET", r"issue/([^/]+)/transitions", self.ways), ("POST", r"issue/([^/]+)/transitions", self.move),
            ("GET", r"issue/([^/]+)/comment", self.comments), ("POST", r"issue/([^/]+)/comment", self.comment), ("GET", r"search/jql", self.search),
        )

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], Any]:
        parts = urlsplit(url)
        try:
            path = parts.path.removeprefix("/rest/api/3/")
            account = self._authenticate(headers)
            found = self._routes.find(method, path) if path != parts.path else None
            if found is None:
                raise failure(404, "null for uri: " + parts.path)
            function, groups = found
            given: Any = parse_qs(parts.query) if method == "GET" else json_object(body, lambda why: failure(400, why))
            with self.state.transaction():
                status, answer = function(account, given, *groups)
            return status, {}, answer
        except Failure as refused:
            return refused.status, refused.headers, refused.body

    def _authenticate(self, headers: Mapping[str, str]) -> Account:
        user, token = basic_credentials(headers)
        for account in self._accounts:
            if account.email == user and hmac.compare_digest(account.token.encode(), token.encode()):
                return account
        raise Failure(401, "Client must be authenticated to access this resource.", {"Content-Type": "text/html"})

    def myself(self, account: Account, given: Mapping[str, list[str]]) -> tuple[int, Any]:
        return 200, {"accountId": account.account_id, "displayName": account.name, "emailAddress": account.email, "active": True}

    def users(self, account: Account, given: Mapping[str, list[str]]) -> tuple[int, Any]:
        """ "User search", Find users: by the address of those alone who show it."""
        query = given.get("query", [""])[0].lower()
        return 200, [{"accountId": one.account_id, "displayName": one.name, "active": True} for one in self._accounts
                     if query and (query in one.name.lower() or (one.shows_address and one.email.lower().startswith(query)))]

    def create(self, account: Account, given: Item) -> tuple[int, Any]:
        """ "Issues", Create issue: 201 with id, key and self; 400 with an error for each field. Nothing de-duplicates."""
        fields = given.get("fields") or {}
        errors: dict[str, str] = {}
        project, summary = (fields.get("project") or {}).get("key"), fields.get("summary") or ""
        if project not in self._projects:
            errors["project"] = "valid project is required"
        if not summary.strip():
            errors["summary"] = "You must specify a summary of the issue."
        elif "\n" in summary:
            errors["summary"] = "The summary is invalid because it contains newline characters."
        elif len(summary) > SUMMARY_LENGTH:
            errors["summary"] = f"Summary must be less than {SUMMARY_LENGTH} characters."
        if (fields.get("issuetype") or {}).get("name") not in ("Task", "Bug"):
            errors["issuetype"] = "Specify a valid issue type"
        if any(re.search(r"\s", label) for label in fields.get("labels", [])):
            errors["labels"] = "The label can't contain spaces."
        if fields.get("description") is not None and (not isinstance(fields["description"], dict) or fields["description"].get("type") != "doc"):
            errors["description"] = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
        if fields.get("duedate") and not re.fullmatch(r"\d{4}-\d\d-\d\d", fields["duedate"]):
            errors["duedate"] = "Error parsing date string: use yyyy-MM-dd"
        assignee = (fields.get("assignee") or {}).get("accountId")
        if assignee and assignee not in [one.account_id for one in self._accounts]:
            errors["assignee"] = "Specify a valid value for assignee"
        if errors:
            raise failure(400, **errors)
        (number,), (identity,) = self.state.next_ids(f"issue {project}"), self.state.next_ids("issue", first=10_001)
        issue = {"id": identity, "key": f"{project}-{number}", "summary": summary, "description": fields.get("description"), "labels": fields.get("labels", []),
                 "duedate": fields.get("duedate"), "assignee": assignee, "status": "To Do", "indexed_at": self._indexed_at()}
        self.state.put("issues", issue, self.state.stamp())
        return 201, {"id": str(identity), "key": issue["key"], "self": f"{self.url}/rest/api/3/issue/{identity}"}

    def one(self, account: Account, given: Mapping[str, list[str]], key: str) -> tuple[int, Any]:
        return 200, self._shown(self._issue(key), given.get("fields", ["*all"])[0])

    def ways(self, account: Account, given: Mapping[str, list[str]], key: str) -> tuple[int, Any]:
        """ "Issues", Get transitions: those from the present status that the account may take."""
        return 200, {"transitions": [{"id": way, "name": name, "to": _status(name)} for way, name in _ways(self._issue(key)["status"]).items()]}

    def move(self, account: Account, given: Item, key: str) -> tuple[int, Any]:
        """ "Issues", Transition issue: 204; 400 where the transition is not one of them."""
        issue = self._issue(key)
        wanted = str((given.get("transition") or {}).get("id"))
        ways = _ways(issue["status"])
        if wanted not in ways:
            raise failure(400, f"Transition id '{wanted}' is not valid for this issue.")
        self.state.put("issues", {**issue, "status": ways[wanted], "indexed_at": self._indexed_at()}, self.state.stamp())
        return 204, None

    def comments(self, account: Account, given: Mapping[str, list[str]], key: str) -> tuple[int, Any]:
        """ "Issue comments", Get comments: offsets, newest first with orderBy=-created."""
        found = self.state.matching("comments", "issue", self._issue(key)["id"])
        found = found[::-1] if given.get("orderBy", [""])[0] == "-created" else found
        start, most = int(given.get("startAt", ["0"])[0]), min(int(given.get("maxResults", ["100"])[0]), 100)
        page = [{"id": str(comment["id"]), "body": comment["body"]} for comment in found[start:start + most]]
        return 200, {"startAt": start, "maxResults": most, "total": len(found), "comments": page}

    def comment(self, account: Account, given: Item, key: str) -> tuple[int, Any]:
        issue, body = self._issue(key), given.get("body")
        if not isinstance(body, dict) or body.get("type") != "doc":
            raise failure(400, comment="Comment body is not valid!")
        (identity,) = self.state.next_ids("comment")
        self.state.put("comments", {"id": identity, "issue": issue["id"], "body": body, "author": account.account_id}, self.state.stamp())
        return 201, {"id": str(identity), "body": body}

    def search(self, account: Account, given: Mapping[str, list[str]]) -> tuple[int, Any]:
        """ "Issue search", Search for issues using JQL enhanced search: what the index knows, and what `reconcileIssues` names; of fields what is asked."""
        match = re.fullmatch(r'\s*labels = "([^"\s]+)"\s*', given.get("jql", [""])[0])
        if match is None:
            raise failure(400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
        fresh = [int(number) for number in given.get("reconcileIssues", [])]
        if len(fresh) > MOST_RECONCILED:
            raise failure(400, f"At most {MOST_RECONCILED} issues may be reconciled.")
        now = self.state.now().timestamp()
        found = self.state.items("issues", where=lambda issue: match[1] in issue["labels"] and (issue["indexed_at"] <= now or issue["id"] in fresh))
        return 200, {"issues": [self._shown(issue, ",".join(given.get("fields", ["id"]))) for issue in found], "isLast": True}

    def _issue(self, key: str) -> Item:
        found = self.state.items("issues", where=lambda issue: key in (issue["key"], str(issue["id"])))
        if not found:
            raise failure(404, "Issue does not exist or you do not have permission to see it.")
        return found[0]

    def _shown(self, issue: Item, fields: str) -> Item:
        known = {"summary": issue["summary"], "status": _status(issue["status"]), "labels": issue["labels"], "description": issue["description"],
                 "duedate": issue["duedate"], "assignee": issue["assignee"] and {"accountId": issue["assignee"]}}
        wanted = known if fields == "*all" else {name: known[name] for name in fields.split(",") if name in known}
        return {"id": str(issue["id"]), "key": issue["key"], "fields": wanted}

    def _indexed_at(self) -> float:
        return (self.state.now() + self._delay).timestamp()


def _ways(status: str) -> dict[str, str]:
    """Transition -> where it leads."""
    return {str(number * 10 + 1): name for number, name in enumerate(STATUSES, start=1) if name != status}


def _status(name: str) -> Item:
    return {"id": str(10_000 + list(STATUSES).index(name)), "name": name, "statusCategory": {"key": STATUSES[name], "name": name}}
