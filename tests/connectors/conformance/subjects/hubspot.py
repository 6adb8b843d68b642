"""HubSpot: the stand-in, an account with nothing but a pipeline in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import hubspot
from connectors.hubspot_streams import ASKED, CAMPAIGN
from connectors.stream import Json
from sandbox.hubspot import portal as portals
from sandbox.stand_in.state import Item
from tests.sandbox.hubspot.crm import TOKEN, Running, account

FREE_TEXT = {"companies": "name", "contacts": "lastname", "deals": "dealname", "tickets": "subject"}
STAGES = ("qualifiedtobuy", "contractsent", "appointmentscheduled")
LATE = timedelta(minutes=10)     # how far the index may lag behind a record that `late` makes
OBJECTS = {name: asked for name, asked in ASKED.items() if asked.how == "objects"}
ASSOCIATED = {name: asked for name, asked in ASKED.items() if asked.how == "associations"}


class HubspotSubject:
    kind = "hubspot"
    streams = tuple(ASKED)
    added = ("novel", "nested")
    safe_after = LATE + timedelta(seconds=1)

    def __init__(self, running: Running) -> None:
        self._crm, self._portal, self.url = running, running.portal, running.url
        self._turn = 0

    def connect(self, *, url: str | None = None, memory: Callable[[str], Json] | None = None, now: Callable[[], datetime]) -> hubspot.Hubspot:
        options = {"url": url or self.url, "requests_per_ten_seconds": 1_000_000, "page_size": 3}
        return hubspot.connect("crm", options, secrets={"token": TOKEN}, memory=memory, clock=now, sleep=lambda seconds: None)

    def now(self) -> datetime:
        return self._crm.now()

    def advance(self, delta: timedelta) -> None:
        self._portal.state.set_clock(self.now() + delta)

    # ---- what happens at the source

    def create(self, stream: str, count: int) -> list[str]:
        at = self._portal.now()
        return [key for _ in range(count) for key in self._create(stream, at)]

    def _create(self, stream: str, at: int) -> list[str]:
        if stream in OBJECTS:
            return [str(self._new(OBJECTS[stream].of, at))]
        if stream in ASSOCIATED:
            of = ASSOCIATED[stream].of
            identity = self._new(of, at)
            self._associate(of, identity, at)
            return [f"{identity}|{to}" for to in ASSOCIATED[stream].to]
        (number,) = self._portal.state.next_ids("made", first=1000)
        if stream == "owners":
            portals.put_owner(self._portal, number, f"{number}@company.example", f"Owner {number}", at=at)
            return [str(number)]
        if stream == "campaigns":
            portals.put_campaign(self._portal, f"campaign-{number}", {"hs_name": f"Campaign {number}"}, at=at)
            return [f"campaign-{number}"]
        of = ("deals", "tickets")[number % 2]
        portals.put_pipeline(self._portal, of, f"pipeline-{number}", f"Pipeline {number}", (("begun", "Begun", False, 0.1),), at=at)
        return [f"{of}|pipeline-{number}"]

    def update(self, stream: str, key: str) -> None:
        at, self._turn = self._portal.now(), self._turn + 1
        identity = key.partition("|")[0]
        if stream == "deal_stage_history":
            portals.update(self._portal, "deals", int(identity), {"dealstage": STAGES[self._turn % 3]}, at=at)
        elif stream == "ticket_history":
            portals.update(self._portal, "tickets", int(identity), {"hs_pipeline_stage": STAGES[self._turn % 3], "hubspot_owner_id": str(self._turn % 2)}, at=at)
        elif stream in OBJECTS:
            portals.update(self._portal, stream, int(identity), {FREE_TEXT[stream]: f"changed {self._turn}"}, at=at)
        elif stream in ASSOCIATED:
            self._associate(ASSOCIATED[stream].of, int(identity), at)
        elif stream == "owners":
            portals.put_owner(self._portal, int(key), f"{key}@company.example", f"Owner {self._turn}", at=at)
        elif stream == "campaigns":
            portals.put_campaign(self._portal, key, {"hs_name": f"changed {self._turn}"}, at=at)
        else:
            of, _, pipeline = key.partition("|")
            portals.put_pipeline(self._portal, of, pipeline, f"changed {self._turn}", (("begun", "Begun", False, 0.1),), at=at)

    def remove(self, stream: str, key: str) -> bool:
        """In turn: into the bin, into another record, for good."""
        at, self._turn = self._portal.now(), self._turn + 1
        first, _, second = key.partition("|")
        if stream in OBJECTS:
            of = OBJECTS[stream].of
            others = [item["id"] for item in self._live(of) if item["id"] != int(key)]
            if self._turn % 3 == 1 and others:
                portals.merge(self._portal, of, others[0], int(key), at=at)
            elif self._turn % 3 == 2:
                portals.purge(self._portal, of, int(key))
            else:
                portals.archive(self._portal, of, int(key), at=at)
        elif stream in ASSOCIATED:
            for partner in portals.associations(self._portal, ASSOCIATED[stream].of, int(first), second):
                portals.dissociate(self._portal, ASSOCIATED[stream].of, int(first), second, partner["toObjectId"])
        elif stream == "owners":         # who is deactivated stays, archived
            portals.put_owner(self._portal, int(key), f"{key}@company.example", "Owner", at=at, archived=True)
        elif stream == "campaigns":
            self._portal.state.delete("campaigns", key)
        else:
            self._portal.state.delete(f"pipelines {first}", second)
        return True

    def late(self, stream: str) -> str:
        """A record that the search finds only ten minutes after the instant of its stamp."""
        if stream not in OBJECTS:
            return ""
        return str(self._new(OBJECTS[stream].of, self._portal.now(), index_lag=round(LATE.total_seconds() * 1000)))

    def drift(self, stream: str) -> None:
        """A property more, one that holds others, and one that was text becomes a number."""
        of = OBJECTS[stream].of if stream in OBJECTS else ""
        for name in ("novel", "nested") if of else ():
            portals.add_property(self._portal, of, name)
        for item in self._live(of)[:2] if of else ():
            changes = {"novel": "yes", "nested": {"novel": [{"deep": None}]}, FREE_TEXT[of]: 17}
            portals.update(self._portal, of, item["id"], changes, at=self._portal.now())

    def odd(self, stream: str, value: Any) -> str:
        if stream not in FREE_TEXT:
            return ""
        return str(self._new(stream, self._portal.now(), **{FREE_TEXT[stream]: value}))

    # ---- what is there

    def truth(self, stream: str) -> dict[str, Json]:
        if stream in OBJECTS:
            asked = OBJECTS[stream]
            names = [portals.COMMON.split()[-1]] if asked.history else portals.property_names(self._portal, asked.of)
            return {str(item["id"]): portals.shown(item, names, asked.history, asked.of) for item in self._live(asked.of)}
        if stream in ASSOCIATED:
            return dict(self._associations(stream))
        if stream == "owners":
            return {str(item["id"]): {**item, "id": str(item["id"])} for item in self._portal.state.items("owners")}
        if stream == "campaigns":
            return {item["id"]: {**item, "properties": {name: item["properties"][name] for name in CAMPAIGN if name in item["properties"]}}
                    for item in self._portal.state.items("campaigns")}
        return {f"{of}|{item['id']}": {"objectType": of, **item["pipeline"]} for of in ("deals", "tickets") for item in self._portal.state.items(f"pipelines {of}")}

    def _associations(self, stream: str) -> Iterator[tuple[str, Json]]:
        asked = ASSOCIATED[stream]
        there = {to: {item["id"] for item in self._live(to)} for to in asked.to}
        for item in self._live(asked.of):
            for to in asked.to:
                partners = [one for one in portals.associations(self._portal, asked.of, item["id"], to) if one["toObjectId"] in there[to]]
                if partners:
                    yield f"{item['id']}|{to}", {"id": str(item["id"]), "fromObjectType": asked.of, "toObjectType": to, "to": partners}

    # ---- small parts

    def _live(self, of: str) -> list[Item]:
        return self._portal.state.items(of, where=lambda item: not item["archived"])

    def _new(self, of: str, at: int, *, index_lag: int | None = None, **properties: Any) -> int:
        portal = self._portal if index_lag is None else replace(self._portal, index_lag=index_lag)
        stage = {"dealstage": "appointmentscheduled"} if of == "deals" else {}
        return portals.create(portal, of, {**stage, **properties}, at=at)

    def _associate(self, of: str, identity: int, at: int) -> None:
        """One partner more of each kind. No stamp of the record moves."""
        for mine, to in portals.TYPES:
            if mine == of:
                portals.associate(self._portal, of, identity, to, self._new(to, at))


@contextmanager
def running(tmp_path: Path) -> Iterator[HubspotSubject]:
    with account(tmp_path) as crm:
        yield HubspotSubject(crm)
