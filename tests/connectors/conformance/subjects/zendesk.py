"""Zendesk Support: the stand-in with a company of two agents and two customers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import zendesk
from connectors.stream import Json
from sandbox.stand_in.state import Item
from sandbox.zendesk import life
from sandbox.zendesk import load as loading
from tests.sandbox.zendesk.desk import TOKEN, Running, helpdesk, plan

ITEMS = {name: export.items for name, export in zendesk.EXPORTS.items()}
FREE_TEXT = {"tickets": "subject", "users": "name", "organizations": "details", "groups": "description", "satisfaction_ratings": "comment",
             "sla_policies": "title", "schedules": "name", "schedule_holidays": "name", "deleted_tickets": "subject"}
STAMPS = {"tickets": "generated_timestamp", "ticket_events": "timestamp", "ticket_metric_events": "time"}
COPIED = {"users": loading.BOT, "groups": loading.GROUPS + 1, "organizations": loading.ORGANIZATIONS + 2, "sla_policies": loading.POLICIES + 1,
          "schedules": loading.SCHEDULES + 1}
REQUESTER, AGENT = loading.CUSTOMERS + 1, loading.AGENTS + 1


class ZendeskSubject:
    kind = "zendesk"
    streams = tuple(zendesk.EXPORTS)
    safe_after = timedelta(seconds=61)        # the vendor leaves the minute before a request out

    def __init__(self, running: Running) -> None:
        self._desk, self._state, self.url = running.api.desk, running.state, running.url
        self._models = {stream: self._get(stream, str(identity)) for stream, identity in COPIED.items()}
        self._turn = 0

    def connect(self, *, url: str | None = None, memory: Callable[[str], Json] | None = None, now: Callable[[], datetime]) -> zendesk.Zendesk:
        options = {"url": url or self.url, "email": loading.ADMIN_EMAIL, "exports_per_minute": 100_000, "page_size": 3}
        return zendesk.connect("helpdesk", options, secrets={"token": TOKEN}, memory=memory, clock=now, sleep=lambda seconds: None)

    def now(self) -> datetime:
        return self._state.now()

    def advance(self, delta: timedelta) -> None:
        self._state.set_clock(self.now() + delta)

    def create(self, stream: str, count: int) -> list[str]:
        return [key for _ in range(count) for key in self._create(stream)]

    def _create(self, stream: str) -> list[str]:
        at, before = self._state.stamp(), set(self.truth(stream))
        if stream in COPIED:
            (identity,) = self._state.next_ids("made", first=5_000_000)
            self._put(stream, {**self._models[stream], "id": identity, "created_at": life.iso(at)}, at)
        elif stream == "schedule_holidays":
            (identity,) = self._state.next_ids("made", first=5_000_000)
            schedule = self._state.items("schedules")[0]["id"]
            self._put(stream, {"id": identity, "name": "Closed", "start_date": "2026-12-24", "end_date": "2026-12-26", "schedule_id": schedule}, at)
        elif stream == "deleted_tickets":
            life.delete(self._desk, self._new_ticket(at), at=at, actor=AGENT)
        elif stream == "satisfaction_ratings":
            life.update(self._desk, self._new_ticket(at, status="solved"), {"score": "good"}, at=at, updater=REQUESTER)
        elif stream == "ticket_events" and self.truth("tickets"):
            self._talk(next(iter(self.truth("tickets"))), at)
        else:
            self._new_ticket(at)
        return sorted(set(self.truth(stream)) - before)

    def update(self, stream: str, key: str) -> None:
        at, self._turn = self._state.stamp(), self._turn + 1
        if stream in ("ticket_events", "ticket_metric_events"):      # neither ever changes; their ticket goes on
            stream, key = "tickets", str(self._get(stream, key)["ticket_id"])
        elif stream == "deleted_tickets":       # what was deleted stays as it was; another one is
            self._create(stream)
            return
        item = self._get(stream, key)
        if stream != "tickets":
            self._put(stream, item | {FREE_TEXT[stream]: f"changed {self._turn}"}, at)
        elif item["status"] == "deleted" or self._turn % 3 == 0:
            life.touch(self._desk, item, at=at)        # the system's own updates leave updated_at alone
        elif self._turn % 3 == 1:
            self._talk(key, at)
        else:
            life.update(self._desk, item, {"status": "open" if item["status"] == "solved" else "solved"}, at=at, updater=AGENT)

    def remove(self, stream: str, key: str) -> bool:
        at, item = self._state.stamp(), self._get(stream, key)
        if stream == "tickets":
            life.delete(self._desk, item, at=at)
        elif stream == "users":         # "Users", Delete User: it stays, inactive
            self._put(stream, item | {"active": False}, at)
        elif stream == "organizations":
            self._put(stream, item | {"deleted_at": life.iso(at)}, at)
        elif stream in ("groups", "satisfaction_ratings", "sla_policies", "schedule_holidays") or (stream == "schedules" and len(self.truth(stream)) > 1):
            self._state.delete(ITEMS[stream], item["id"])
        else:
            return False
        return True

    def truth(self, stream: str) -> dict[str, Json]:
        items = self._state.items(ITEMS[stream], where=lambda item: item.get("status") != "deleted")
        if stream == "schedule_holidays":       # a schedule takes its holidays with it
            items = [item for item in items if self._state.get("schedules", item["schedule_id"])]
        return {str(item["id"]): item for item in items if stream == "deleted_tickets" or not item.get("deleted_at")}

    def drift(self, stream: str) -> None:
        """A field more, one that holds others, and one that was text becomes a number."""
        is_told_once = stream in ("ticket_events", "ticket_metric_events", "deleted_tickets")
        key = (self.create(stream, 1) or [""])[0] if is_told_once else next(iter(sorted(self.truth(stream))), "")
        if key:
            item = self._get(stream, key)
            self._put(stream, item | {"novel": "yes", "nested": {"novel": [{"deep": None}]}, "url": 17}, self._state.stamp())

    def odd(self, stream: str, value: Any) -> str:
        if stream == "ticket_metric_events":
            return ""
        (key,) = self.create(stream, 1)[-1:]
        item = self._get(stream, key)
        if stream == "ticket_events":
            item["child_events"][0]["body"] = value
        else:
            item[FREE_TEXT[stream]] = value
        self._put(stream, item, self._state.stamp())
        return key

    def write_late(self, by: timedelta) -> str:
        """A breach that the vendor writes only now, though it occurred so long ago."""
        at = int((self.now() - by).timestamp())
        known = self._state.items("ticket_metric_events")[0]
        (identity,) = self._state.next_ids("metric event")
        self._state.put("ticket_metric_events", {**known, "id": identity, "type": "breach", "time": life.iso(at), "deleted": False}, at)
        return str(identity)

    # ---- small parts

    def _get(self, stream: str, key: str) -> Item:
        item = self._state.get(ITEMS[stream], int(key))
        assert item is not None, f"there is no {stream} {key}"
        return item

    def _put(self, stream: str, item: Item, at: int) -> None:
        stamp = STAMPS.get(stream, "updated_at")
        self._state.put(ITEMS[stream], item | {stamp: life.iso(at) if stamp in ("updated_at", "time") else at}, at)

    def _new_ticket(self, at: int, status: str = "new") -> Item:
        (identity,) = self._state.next_ids("ticket", first=9_000_001)
        new = {"id": identity, "subject": f"Subject {identity}", "requester_id": REQUESTER, "assignee_id": AGENT, "status": status, "tags": ["sla_standard"]}
        return life.create(self._desk, new, at=at, body="Where is it?", author=REQUESTER, via="email")

    def _talk(self, key: str, at: int) -> None:
        comment = {"body": f"And now? {self._turn}", "author_id": REQUESTER if self._turn % 2 else AGENT}
        life.update(self._desk, self._get("tickets", key), {"comment": comment}, at=at, updater=comment["author_id"])


@contextmanager
def running(tmp_path: Path) -> Iterator[ZendeskSubject]:
    with helpdesk(tmp_path, plan()) as desk:
        yield ZendeskSubject(desk)
