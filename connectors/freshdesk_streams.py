"""What is read of Freshdesk: its streams, how each is asked for, and what an account may ask (freshdesk.py says why that way)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from connectors.stream import Cursor, Json, Stream

LAG = timedelta(minutes=5)               # lists are answered by replicas; and a clock that is a minute off must do no harm
RATINGS_CHANGE_FOR = timedelta(days=30)  # a customer may answer again, and an old rating cannot be asked for by its change


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a stream is asked for. lists: what has to be asked, one after the other, as parameters. since: the parameter that takes the window's beginning."""

    how: Literal["tickets", "conversations", "pages"]
    path: str = "tickets"
    lists: tuple[Mapping[str, str], ...] = ({},)
    since: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a plan allows ("Rate Limit" of the vendor's API documentation): credits of the whole account and list requests of one kind, a minute."""

    credits: int
    lists: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far the tickets are read: all before `since`, of that second those in `seen`; and the page of that second that is asked for next."""

    since: datetime
    seen: frozenset[int] = frozenset()
    number: int = 1

    @classmethod
    def of(cls, position: Mapping[str, Any]) -> Place:
        return cls(since=datetime.fromisoformat(position["since"]), seen=frozenset(position["seen"]), number=position["number"])

    def position(self, step: str) -> Json:
        return {"step": step, "since": self.since.isoformat(), "seen": sorted(self.seen), "number": self.number}


PLANS: Mapping[str, Plan] = {"growth": Plan(credits=200, lists=20), "pro": Plan(credits=400, lists=100), "enterprise": Plan(credits=700, lists=200)}

STREAMS: Mapping[Stream, Asked] = {
    Stream(name="tickets", key=("id",), deletes="tombstone", cursor=Cursor(field="updated_at", lag=LAG)): Asked(how="tickets"),
    Stream(name="conversations", key=("ticket_id",), deletes="tombstone", cursor=Cursor(field="updated_at", lag=LAG)): Asked(how="conversations"),
    Stream(name="contacts", key=("id",), deletes="sweep", sweep_every=30, cursor=Cursor(field="updated_at", lag=LAG)):
        Asked(how="pages", path="contacts", lists=({}, {"state": "blocked"}, {"state": "deleted"}), since="_updated_since"),
    Stream(name="companies", key=("id",), deletes="full"): Asked(how="pages", path="companies"),
    Stream(name="agents", key=("id",), deletes="full"): Asked(how="pages", path="agents"),
    Stream(name="groups", key=("id",), deletes="full"): Asked(how="pages", path="groups"),
    Stream(name="sla_policies", key=("id",), deletes="full"): Asked(how="pages", path="sla_policies"),
    Stream(name="business_hours", key=("id",), deletes="full"): Asked(how="pages", path="business_hours"),
    Stream(name="satisfaction_ratings", key=("id",), deletes="sweep", sweep_every=30, cursor=Cursor(field="created_at", lag=LAG, overlap=RATINGS_CHANGE_FOR)):
        Asked(how="pages", path="surveys/satisfaction_ratings", since="created_since"),
}
ASKED = {stream.name: asked for stream, asked in STREAMS.items()}
