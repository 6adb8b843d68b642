"""Does to RT's database what loader.pl does through RT's API, as rows: the same operations, the same result, a hundred times faster.

Through the API a ticket costs 0.15 s of CPU, so a small company's history takes three minutes. load.py therefore sends the newest
tickets through RT itself and writes the older ones here. tests/sandbox/request_tracker/test_rows.py performs the same operations both ways
and compares every table row for row; an operation this module does not know in all its consequences is refused, not approximated.
Nothing may use the database meanwhile.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.request_tracker.operations import Operation

UNSET = "1970-01-01 00:00:00"       # how RT stores a date that is not set
SYSTEM, NOBODY = 1, 6               # accounts that RT itself creates first
INITIAL, INACTIVE = {"new"}, {"resolved", "closed", "rejected", "deleted"}
ROLES = ("AdminCc", "Cc", "Owner", "Requestor")
KINDS = frozenset({"user", "create", "public_reply", "private_note", "status", "team", "assignee", "priority", "field"})
MAILER = "MIME-tools 5.510 (Entity 5.510)"


@dataclass(kw_only=True)
class Standing:
    """A ticket while its operations are performed."""

    row: dict[str, Any]
    requestor: int
    groups: dict[str, int]
    owner_since: tuple[int, str]            # who made the present owner the owner, and when
    values: dict[int, str] = field(default_factory=dict)        # custom field -> value


class Writer:
    """Rows of one run, kept until `finish` writes them. The names known at the start come from the database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._next = {
            table: int(database.execute(f"select coalesce(max(id), 0) + 1 from {table}").fetchone()[0])
            for table in ("Principals", "Transactions", "Attachments", "GroupMembers", "CachedGroupMembers", "ObjectCustomFieldValues")
        }
        self._users = dict(database.execute("select Name, id from Users").fetchall())
        self._queues = dict(database.execute("select Name, id from Queues").fetchall())
        self._fields = dict(database.execute("select Name, id from CustomFields where LookupType = 'RT::Queue-RT::Ticket'").fetchall())
        internal = dict(database.execute("select Name, id from Groups where Domain = 'SystemInternal'").fetchall())
        self._everyone, self._unprivileged = internal["Everyone"], internal["Unprivileged"]
        self._tickets: dict[int, Standing] = {}
        self.done: Counter[str] = Counter()
        self.already: Counter[str] = Counter()

    def perform(self, operation: Operation) -> None:
        """One operation at its instant. Raises ValueError for what only RT's own API can do."""
        what = operation["do"]
        if what not in KINDS or operation.get("level") is not None:
            raise ValueError(f"{what} has consequences that only Request Tracker's own code knows; send it through the API")
        at = f"{datetime.fromtimestamp(operation['at'], UTC):%Y-%m-%d %H:%M:%S}"
        is_done = getattr(self, f"_{what}")(operation, at)
        (self.done if is_done else self.already)[what] += 1

    def finish(self) -> None:
        """Writes everything in one transaction."""
        for standing in self._tickets.values():
            made_by, since = standing.owner_since
            self._member(standing.groups["Owner"], standing.row["Owner"], made_by, since)
            self._add("Tickets", standing.row)
        for table, rows in self._rows.items():
            columns = list(rows[0])
            names = ", ".join(f'"{column}"' for column in columns)
            self._database.executemany(f'insert into "{table}" ({names}) values ({", ".join("?" * len(columns))})', [tuple(row.values()) for row in rows])
        self._database.commit()

    # ---- operations

    def _user(self, operation: Operation, at: str) -> bool:
        if operation["name"] in self._users:
            return False
        if operation.get("privileged"):
            raise ValueError("agents' accounts are made through the API")
        user, group = self._id("Principals"), self._id("Principals")
        self._add("Principals", {"id": user, "PrincipalType": "User", "Disabled": 0})
        self._add("Principals", {"id": group, "PrincipalType": "Group", "Disabled": 0})
        self._add("Users", {
            "id": user, "Name": operation["name"], "Password": "*NO-PASSWORD*", "EmailAddress": operation.get("emailaddress"),
            "RealName": operation.get("realname"), "Organization": operation.get("organization"), "Country": operation.get("country"), **_by(SYSTEM, at),
        })
        self._add("Groups", {"id": group, "Name": "UserEquiv", "Description": f"ACL equiv. for user {user}", "Domain": "ACLEquivalence", "Instance": user,
                             **_by(SYSTEM, at)})
        self._belongs(group, group)
        for of in (group, self._everyone, self._unprivileged):
            self._member(of, user, SYSTEM, at)
        self._transaction("RT::User", user, "Create", SYSTEM, at)
        self._users[operation["name"]] = user
        return True

    def _create(self, operation: Operation, at: str) -> bool:
        creator, identity, requestor = self._users[operation["by"]], int(operation["ticket"]), self._users[operation["requestor"]]
        groups = {}
        for role in ROLES:
            groups[role] = group = self._id("Principals")
            self._add("Principals", {"id": group, "PrincipalType": "Group", "Disabled": 0})
            self._add("Groups", {"id": group, "Name": role, "Description": None, "Domain": "RT::Ticket-Role", "Instance": identity, **_by(creator, at)})
            self._belongs(group, group)
            self._transaction("RT::Group", group, "Create", creator, at)
        self._member(groups["Requestor"], requestor, creator, at)
        self._tickets[identity] = standing = Standing(
            row={
                "id": identity, "EffectiveId": identity, "Queue": self._queues[operation["queue"]], "Type": "ticket", "Owner": NOBODY,
                "Subject": operation["subject"], "InitialPriority": operation["priority"],
                "FinalPriority": 0, "Priority": operation["priority"], "TimeEstimated": 0, "TimeWorked": 0,
                "Status": "new", "TimeLeft": 0, "Told": None, "Starts": UNSET, "Started": UNSET, "Due": UNSET, "Resolved": UNSET, **_by(creator, at),
            },
            requestor=requestor, groups=groups, owner_since=(creator, at),
        )
        for name, value in (operation.get("fields") or {}).items():
            self._value(standing, self._fields[name], value, creator, at)
        transaction = self._transaction("RT::Ticket", identity, "Create", creator, at)
        self._attach(transaction, operation["subject"], operation["text"], creator, at, is_reply=False)
        return True

    def _public_reply(self, operation: Operation, at: str) -> bool:
        standing, actor = self._note(operation, at, "Correspond")
        if actor != standing.requestor:
            standing.row["Told"] = at
        return True

    def _private_note(self, operation: Operation, at: str) -> bool:
        self._note(operation, at, "Comment")
        return True

    def _status(self, operation: Operation, at: str) -> bool:
        standing, actor = self._of(operation)
        old, new = standing.row["Status"], operation["value"]
        if old == new:
            return False
        if old in INITIAL and new not in INITIAL and standing.row["Started"] == UNSET:
            standing.row["Started"] = at
        if new in INACTIVE:
            standing.row["Resolved"] = at
        return self._set(standing, actor, at, "Status", new, kind="Status")

    def _team(self, operation: Operation, at: str) -> bool:
        standing, actor = self._of(operation)
        return self._set(standing, actor, at, "Queue", self._queues[operation["value"]])

    def _assignee(self, operation: Operation, at: str) -> bool:
        standing, actor = self._of(operation)
        old, new = standing.row["Owner"], self._users[operation["value"]]
        if not self._set(standing, actor, at, "Owner", new):
            return False
        self._transaction("RT::Ticket", standing.row["id"], "SetWatcher", actor, at, Field="Owner", OldValue=str(old), NewValue=str(new))
        standing.owner_since = (actor, at)
        return True

    def _priority(self, operation: Operation, at: str) -> bool:
        standing, actor = self._of(operation)
        return self._set(standing, actor, at, "Priority", int(operation["value"]))

    def _field(self, operation: Operation, at: str) -> bool:
        standing, actor = self._of(operation)
        of = self._fields[operation["name"]]
        if of in standing.values:
            if standing.values[of] == operation["value"]:
                return False
            raise ValueError(f"ticket {standing.row['id']}: replacing the value of {operation['name']} goes through the API")
        value = self._value(standing, of, operation["value"], actor, at)
        self._transaction("RT::Ticket", standing.row["id"], "CustomField", actor, at, Field=str(of),
                          ReferenceType="RT::ObjectCustomFieldValue", NewReference=value)
        standing.row.update(LastUpdated=at, LastUpdatedBy=actor)
        return True

    # ---- what operations have in common

    def _of(self, operation: Operation) -> tuple[Standing, int]:
        by = operation.get("by")
        return self._tickets[int(operation["ticket"])], SYSTEM if by is None else self._users[by]

    def _set(self, standing: Standing, actor: int, at: str, column: str, new: int | str, *, kind: str = "Set") -> bool:
        old = standing.row[column]
        if old == new:
            return False
        standing.row.update({column: new, "LastUpdated": at, "LastUpdatedBy": actor})
        self._transaction("RT::Ticket", standing.row["id"], kind, actor, at, Field=column, OldValue=str(old), NewValue=str(new))
        return True

    def _note(self, operation: Operation, at: str, kind: str) -> tuple[Standing, int]:
        standing, actor = self._of(operation)
        subject = f"Re: {standing.row['Subject']}"
        transaction = self._transaction("RT::Ticket", standing.row["id"], kind, actor, at, Data=f"{subject}\n")
        self._attach(transaction, subject, operation["text"], actor, at, is_reply=True)
        standing.row.update(LastUpdated=at, LastUpdatedBy=actor)
        return standing, actor

    def _value(self, standing: Standing, of: int, value: str, creator: int, at: str) -> int:
        identity = self._id("ObjectCustomFieldValues")
        standing.values[of] = value
        self._add("ObjectCustomFieldValues", {
            "id": identity, "CustomField": of, "ObjectType": "RT::Ticket", "ObjectId": standing.row["id"], "SortOrder": 0, "Content": value,
            "ContentEncoding": "", **_by(creator, at), "Disabled": 0,
        })
        return identity

    def _attach(self, transaction: int, subject: str, text: str, creator: int, at: str, *, is_reply: bool) -> None:
        body = text.encode()
        identity = self._id("Attachments")
        headers = [f"Subject: {subject}", 'Content-Type: text/plain; charset="utf-8"', "Content-Disposition: inline", "Content-Transfer-Encoding: 8bit",
                   "MIME-Version: 1.0", f"X-Mailer: {MAILER}", "X-RT-Original-Encoding: utf-8"]
        if is_reply:
            headers += ["X-RT-Interface: API", f"RT-Message-ID: <rt-5.0.3-1-{transaction}-{identity}-0-0@meridian.example>"]
        headers.append(f"Content-Length: {len(body)}")
        self._add("Attachments", {
            "id": identity, "TransactionId": transaction, "Parent": 0, "MessageId": "", "Subject": subject, "ContentType": "text/plain",
            "ContentEncoding": "none" if text.isascii() else "quoted-printable", "Content": text if text.isascii() else quoted_printable(body),
            "Headers": "\n".join(headers) + "\n", "Creator": creator, "Created": at,
        })

    def _transaction(self, of: str, identity: int, kind: str, creator: int, at: str, **more: Any) -> int:
        transaction = self._id("Transactions")
        empty = {"Field": None, "OldValue": None, "NewValue": None, "ReferenceType": None, "OldReference": None, "NewReference": None, "Data": None}
        self._add("Transactions", {"id": transaction, "ObjectType": of, "ObjectId": identity, "TimeTaken": 0, "Type": kind, **empty, **more,
                                   "Creator": creator, "Created": at})
        return transaction

    def _member(self, group: int, member: int, creator: int, at: str) -> None:
        self._add("GroupMembers", {"id": self._id("GroupMembers"), "GroupId": group, "MemberId": member, **_by(creator, at)})
        self._belongs(group, member)

    def _belongs(self, group: int, member: int) -> None:
        identity = self._id("CachedGroupMembers")
        self._add("CachedGroupMembers", {"id": identity, "GroupId": group, "MemberId": member, "Via": identity, "ImmediateParentId": group, "Disabled": 0})

    def _id(self, table: str) -> int:
        self._next[table] += 1
        return self._next[table] - 1

    def _add(self, table: str, row: dict[str, Any]) -> None:
        self._rows.setdefault(table, []).append(row)


def perform(database: Path, operations: Iterable[Operation]) -> dict[str, dict[str, int]]:
    """All operations, whole or not at all; the same counts as loader.pl gives."""
    with closing(sqlite3.connect(database)) as connection:
        writer = Writer(connection)
        for operation in operations:
            writer.perform(operation)
        writer.finish()
    return {"done": dict(writer.done), "already": dict(writer.already)}


def quoted_printable(body: bytes) -> str:
    """As Perl's MIME::QuotedPrint writes it, soft line breaks included (Python's own breaks lines elsewhere)."""
    text = re.sub(r"[^ \t\n!\"#$%&'()*+,\-./0-9:;<>?@A-Z\[\\\]^_`a-z{|}~]", lambda one: f"={ord(one.group()):02X}", body.decode("latin-1"))
    text = re.sub(r"[ \t]+$", lambda blanks: "".join(f"={ord(one):02X}" for one in blanks.group()), text, flags=re.MULTILINE)
    if text and not text.endswith("\n"):
        text += "=\n"
    broken = ""
    long_line = re.compile(r"(.*?^[^\n]{73}(?:[^=\n]{2}(?![^=\n]{0,1}$)|[^=\n](?![^=\n]{0,2}$)|(?![^=\n]{0,3}$)))", re.MULTILINE | re.DOTALL)
    while found := long_line.match(text):
        broken, text = broken + found.group(1) + "=\n", text[found.end():]
    return broken + text


def _by(creator: int, at: str) -> dict[str, Any]:
    return {"Creator": creator, "Created": at, "LastUpdatedBy": creator, "LastUpdated": at}
