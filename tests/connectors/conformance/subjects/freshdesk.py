"""Freshdesk: the stand-in with one agent, one group and one customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import freshdesk
from connectors.freshdesk_streams import ASKED
from connectors.stream import Json
from sandbox.freshdesk import desk as desks
from sandbox.freshdesk.desk import CLOSED, CONTACT_STATES, OPEN, PENDING, RESOLVED, iso, shown, talk_of
from sandbox.stand_in.state import Item
from tests.sandbox.freshdesk.helpdesk import AGENT, CUSTOMER, KEY, Running, helpdesk

KINDS = {name: "satisfaction_ratings" if name == "satisfaction_ratings" else asked.path for name, asked in ASKED.items() if asked.how == "pages"}
FREE_TEXT = {"satisfaction_ratings": "feedback", "contacts": "description"}
LATE = timedelta(minutes=2)      # how far a replica may lag behind a record that `late` makes
STATUSES = (PENDING, RESOLVED, CLOSED, OPEN)


class FreshdeskSubject:
    kind = "freshdesk"
    streams = tuple(ASKED)
    safe_after = LATE + timedelta(seconds=1)

    def __init__(self, running: Running) -> None:
        self._helpdesk, self._desk, self._state, self.url = running, running.desk, running.desk.state, running.url
        self._turn = 0

    def connect(self, *, url: str | None = None, memory: Callable[[str], Json] | None = None, now: Callable[[], datetime]) -> freshdesk.Freshdesk:
        options = {"url": url or self.url, "credits_per_minute": 1_000_000, "lists_per_minute": 1_000_000, "page_size": 4}
        return freshdesk.connect("helpdesk", options, secrets={"api_key": KEY}, memory=memory, clock=now, sleep=lambda seconds: None)

    def now(self) -> datetime:
        return self._helpdesk.now()

    def advance(self, delta: timedelta) -> None:
        self._state.set_clock(self.now() + delta)

    # ---- what happens at the source

    def create(self, stream: str, count: int) -> list[str]:
        if stream == "contacts":
            return [str(one) for one in self._helpdesk.contacts(count)]
        if stream in ("tickets", "conversations"):
            made = self._helpdesk.tickets(count)
            for identity in made if stream == "conversations" else ():
                self._talk(identity)
            return [str(one) for one in made]
        at = self._state.stamp()
        return [self._create(stream, at) for _ in range(count)]

    def _create(self, stream: str, at: int, **more: Any) -> str:
        if stream == "satisfaction_ratings":
            ticket = next(iter(map(int, self.truth("tickets"))), 0) or self._helpdesk.tickets()[0]
            rating = desks.rate(self._desk, self._helpdesk.ticket(ticket), 103, at=at)
            self._put(stream, rating | more, at)
            return str(rating["id"])
        (number,) = self._state.next_ids("made", first=5_000)
        new = {"id": number, "name": f"Name {number}", "description": None, "created_at": iso(at)}
        if stream == "agents":
            new = desks.agent(number, f"Agent {number}", f"{number}@company.example", at=at, groups=[501])
        self._put(stream, new | more, at)
        return str(number)

    def update(self, stream: str, key: str) -> None:
        at, self._turn = self._state.stamp(), self._turn + 1
        if stream == "tickets":
            self._change(int(key), at)
        elif stream == "conversations":
            self._talk(int(key))
        elif stream == "contacts":
            state = CONTACT_STATES[self._turn % len(CONTACT_STATES)]
            desks.put_contact(self._desk, self._get(stream, key) | {"name": f"changed {self._turn}", "_state": state}, at=at)
        else:
            self._put(stream, self._get(stream, key) | {FREE_TEXT.get(stream, "description"): f"changed {self._turn}"}, at)

    def _change(self, key: int, at: int) -> None:
        ticket, turn = self._helpdesk.ticket(key), self._turn % 4
        if turn == 0:
            self._talk(key)
        elif turn == 1:      # into the bin and out again
            desks.trash(self._desk, desks.trash(self._desk, ticket, at=at), at=at, back=True)
        else:
            status = next(one for one in STATUSES[self._turn % 3:] if one != ticket["status"])
            desks.update(self._desk, ticket, {"status": status}, at=at)

    def remove(self, stream: str, key: str) -> bool:
        at, self._turn = self._state.stamp(), self._turn + 1
        if stream in ("tickets", "conversations"):
            (desks.trash if self._turn % 2 else desks.mark_spam)(self._desk, self._helpdesk.ticket(int(key)), at=at)
        elif stream == "agents":
            desks.remove_agent(self._desk, self._get(stream, key), at=at)
        else:                # of contacts: "Permanently Delete a Contact"
            self._state.delete(self._kind(stream), int(key))
        return True

    def late(self, stream: str) -> str:
        """A record that lists show only two minutes after the instant of its stamp."""
        if stream not in ("tickets", "conversations", "contacts"):
            return ""
        kind, (key,) = ("contacts", self._helpdesk.contacts()) if stream == "contacts" else ("tickets", self._helpdesk.tickets())
        at = self._state.stamp()
        item = self._state.get(kind, key)
        assert item is not None
        self._state.put(kind, item | {"_visible_from": at + round(LATE.total_seconds())}, at)
        return str(key)

    def drift(self, stream: str) -> None:
        """A field more, one that holds others, and one that was text becomes a number."""
        at = self._state.stamp()
        for key in sorted(self.truth(stream))[:2]:
            if stream == "conversations":
                self._talk(int(key), novel="yes", nested={"novel": [{"deep": None}]}, support_email=17)
            else:
                self._put(stream, self._get(stream, key) | {"novel": "yes", "nested": {"novel": [{"deep": None}]}, "description": 17}, at)

    def odd(self, stream: str, value: Any) -> str:
        at = self._state.stamp()
        if stream in ("tickets", "conversations"):
            (key,) = self._helpdesk.tickets(subject=value)
            self._talk(key, body_text=value)
            return str(key)
        if stream == "contacts":
            (key,) = self._helpdesk.contacts()
            self._put(stream, self._get(stream, str(key)) | {"description": value}, at)
            return str(key)
        return self._create(stream, at, **{FREE_TEXT.get(stream, "description"): value})

    def hollow(self, stream: str) -> bool:
        self._helpdesk.api.hollow.add(ASKED[stream].path)
        return True

    # ---- what is there

    def truth(self, stream: str) -> dict[str, Json]:
        if stream not in ("tickets", "conversations"):
            return {str(item["id"]): shown(item) for item in self._state.items(self._kind(stream))}
        there = self._state.items("tickets", where=lambda item: not item.get("deleted") and not item["spam"])
        if stream == "tickets":
            return {str(item["id"]): shown(item) for item in there}
        return {str(item["id"]): {"ticket_id": item["id"], "conversations": self._state.items(talk_of(item["id"]))} for item in there}

    # ---- small parts

    def _kind(self, stream: str) -> str:
        return KINDS.get(stream, "tickets")

    def _get(self, stream: str, key: str) -> Item:
        item = self._state.get(self._kind(stream), int(key))
        assert item is not None, f"there is no {stream} {key}"
        return item

    def _put(self, stream: str, item: Item, at: int) -> None:
        self._state.put(self._kind(stream), item | {"updated_at": iso(at)}, at)

    def _talk(self, key: int, **more: Any) -> None:
        """Customer and agent in turn; every fifth time what was said last is edited, and the ticket touched by a note about it."""
        at, before = self._state.stamp(), self._state.items(talk_of(key))
        if before and self._turn % 5 == 4:
            self._state.put(talk_of(key), before[-1] | {"body_text": f"edited {self._turn}"}, at)
        said = self._turn % 2 == 1
        desks.converse(self._desk, self._helpdesk.ticket(key), user=CUSTOMER if said else AGENT, at=at, text=f"And now? {self._turn}", incoming=said)
        if more:
            self._state.put(talk_of(key), self._state.items(talk_of(key))[-1] | more, at)


@contextmanager
def running(tmp_path: Path) -> Iterator[FreshdeskSubject]:
    with helpdesk(tmp_path) as desk:
        yield FreshdeskSubject(desk)
