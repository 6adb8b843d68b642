"""Salesforce: the stand-in, an organisation with nothing in it and one object of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import salesforce
from connectors.salesforce_answers import NOT_READ
from connectors.salesforce_streams import chosen
from connectors.stream import Json
from sandbox.salesforce import org as orgs
from sandbox.salesforce.schema import KINDS
from sandbox.stand_in.state import Item
from tests.length import IS_DRILL
from tests.sandbox.salesforce.crm import APP, SECRETS, Running, account

OBJECTS = ("Invoice__c", "OpportunityFieldHistory")
# Asked for exactly as one of the others is: `make drill` proves them, too.
TWINS = () if IS_DRILL else (
    "groups", "lead_statuses", "case_statuses", "campaigns", "campaign_members", "contacts", "leads", "lead_history", "cases", "case_history", "case_comments",
    "email_messages")
STREAMS = {name: asked for name, (_, asked) in chosen("crm", OBJECTS, TWINS).items()}
FREE_TEXT = {"CampaignMember": "Status", "Case": "Subject", "CaseComment": "CreatedById", "EmailMessage": "Subject", "Contact": "LastName", "Lead": "LastName"}     # of the others: Name
HISTORIES = {"LeadHistory": "Lead", "OpportunityHistory": "Opportunity", "OpportunityFieldHistory": "Opportunity", "CaseHistory": "Case"}
COMES_WITH = {"Lead": "Status", "Opportunity": "StageName", "Case": "Status"}     # the field whose changes are kept
MERGED = ("Account", "Contact", "Lead")
LATE = timedelta(minutes=10)     # how long a transaction may last


class SalesforceSubject:
    kind = "salesforce"
    streams = tuple(STREAMS)
    added = ("Novel__c", "Nested__c")
    safe_after = LATE + timedelta(seconds=1)

    def __init__(self, running: Running) -> None:
        self._crm, self._org, self.url = running, running.org, running.url
        self._turn = 0

    def connect(self, *, url: str | None = None, memory: Callable[[str], Json] | None = None, now: Callable[[], datetime]) -> salesforce.Salesforce:
        options = {"url": url or self.url, "client_id": APP.client_id, "objects": list(OBJECTS), "without": list(TWINS)}
        return salesforce.connect("crm", options, secrets=SECRETS, memory=memory, clock=now, sleep=lambda seconds: None)

    def now(self) -> datetime:
        return self._crm.now()

    def advance(self, delta: timedelta) -> None:
        self._org.state.set_clock(self.now() + delta)

    # ---- what happens at the source

    def create(self, stream: str, count: int) -> list[str]:
        of = STREAMS[stream].object
        return [key for _ in range(count) for key in self._create(of)]

    def _create(self, of: str) -> list[str]:
        if of not in HISTORIES:
            return [self._new(of)]
        known = self._ids(of)
        self._new(HISTORIES[of])
        return sorted(self._ids(of) - known)

    def update(self, stream: str, key: str) -> None:
        """Entries of a history never change: another one of the same parent."""
        self._turn += 1
        of = STREAMS[stream].object
        if of in HISTORIES:
            entry = self._org.state.get(of, key)
            assert entry is not None
            self._crm.update(HISTORIES[of], entry[KINDS[of].parent], **{COMES_WITH[HISTORIES[of]]: f"stage {self._turn}"})
        else:
            self._crm.update(of, key, **{FREE_TEXT.get(of, "Name"): f"changed {self._turn}"})

    def remove(self, stream: str, key: str) -> bool:
        """In turn: into the bin, into another record, for good. An entry of a history goes with its parent; of a user nothing is ever deleted."""
        self._turn += 1
        of, at = STREAMS[stream].object, self._org.now()
        if of == "User":
            return False
        if not KINDS[of].has_bin:
            self._org.state.delete(of, key)
            return True
        if of in HISTORIES:
            entry = self._org.state.get(of, key)
            assert entry is not None
            of, key = HISTORIES[of], entry[KINDS[of].parent]
        others = [item["Id"] for item in self._live(of) if item["Id"] != key]
        if self._turn % 3 == 1 and others and of in MERGED:
            orgs.merge(self._org, of, others[0], key, at=at)
        else:
            orgs.delete(self._org, of, key, at=at)
            if self._turn % 3 == 2:
                orgs.purge(self._org, of, key)
        return True

    def late(self, stream: str) -> str:
        """A record whose transaction commits ten minutes after the instant of its stamp."""
        of = STREAMS[stream].object
        if of in HISTORIES or STREAMS[stream].how == "whole":
            return ""
        return orgs.create(self._org, of, {}, at=self._org.now(), visible_at=self._org.now() + round(LATE.total_seconds()))

    def drift(self, stream: str) -> None:
        """Two fields more, one of which holds others, and one that was text becomes a number."""
        of = STREAMS[stream].object
        if of in HISTORIES or STREAMS[stream].how == "whole":
            return
        for name in ("Novel__c", "Nested__c"):
            orgs.add_field(self._org, of, name)
        for item in self._live(of)[:2]:
            self._crm.update(of, item["Id"], Novel__c="yes", Nested__c={"Novel__c": [{"deep": None}]}, **{FREE_TEXT.get(of, "Name"): 17})

    def odd(self, stream: str, value: Any) -> str:
        of = STREAMS[stream].object
        return "" if of in HISTORIES else self._new(of, **{FREE_TEXT.get(of, "Name"): value})

    def hollow(self, stream: str) -> bool:
        self._org.state.set_fact(f"hollow {STREAMS[stream].object}", True)
        return True

    # ---- what is there

    def truth(self, stream: str) -> dict[str, Json]:
        asked = STREAMS[stream]
        fields = orgs.visible_fields(self._org, asked.object)
        names = list(asked.fields) or [name for name, kind in fields.items() if kind not in NOT_READ and name not in asked.without]
        return {item["Id"]: orgs.shown(self._org, asked.object, item, names, "62.0") for item in self._live(asked.object)}

    # ---- small parts

    def _live(self, of: str) -> list[Item]:
        return self._org.state.items(of, where=lambda item: not item.get("IsDeleted"))

    def _ids(self, of: str) -> set[str]:
        return {item["Id"] for item in self._live(of)}

    def _new(self, of: str, **values: Any) -> str:
        (identity,) = self._crm.create(of, **({COMES_WITH[of]: "begun"} if of in COMES_WITH else {}), **values)
        return identity


@contextmanager
def running(tmp_path: Path) -> Iterator[SalesforceSubject]:
    with account(tmp_path, page=3) as crm:
        yield SalesforceSubject(crm)
