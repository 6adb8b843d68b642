"""What every stand-in shares: ids of either kind in order, moments of any unit, answers of any kind on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.stand_in.limits import Failure, RateLimit, basic_credentials, decoded, json_object, page_size
from sandbox.stand_in.serving import served
from sandbox.stand_in.state import State

NOW = datetime(2026, 11, 1, 2, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Any:
    state = State(tmp_path / "s.sqlite", ticking=False)
    state.set_clock(NOW)
    yield state
    state.close()


def test_text_and_number_ids_come_back_as_they_went_in_and_in_order(state: State) -> None:
    for name in ("SO-2", "10", "9"):
        state.put("orders", {"name": name}, 5, identity=name)
    for number in (10, 9):
        state.put("tickets", {"id": number}, 5)
    assert [one["name"] for one in state.items("orders")] == ["10", "9", "SO-2"] and [one["id"] for one in state.items("tickets")] == [9, 10]
    assert [one["name"] for one in state.items("orders", after="10")] == ["9", "SO-2"]
    assert [item["name"] for _, item in state.behind("orders", 5, "9", until=5, most=9)] == ["SO-2"]
    assert [item["id"] for _, item in state.behind("tickets", 5, -1, until=5, most=9)] == [9, 10]
    assert state.get("orders", 10) is None and state.get("orders", "10") == {"name": "10"}


def test_records_are_found_by_a_field(state: State) -> None:
    for number, order in ((1, "A"), (2, "B"), (3, "A")):
        state.put("lines", {"id": number, "order": order}, 0)
    assert [one["id"] for one in state.matching("lines", "order", "A")] == [1, 3]


@pytest.mark.parametrize(("per_second", "moment"), [(1, 1793500200), (1000, 1793500200123), (1_000_000, 1793500200123456)])
def test_a_moment_is_in_the_unit_the_vendor_orders_by(state: State, per_second: int, moment: int) -> None:
    assert state.stamp(per_second=per_second) == moment
    state.set_clock(NOW - timedelta(hours=1))
    assert abs(state.now() - NOW) <= timedelta(seconds=1), "what was stamped is not of the future"


def test_a_limit_of_its_own_window_refuses_in_the_vendors_words() -> None:
    now = [0.0]
    limit = RateLimit(2, seconds=1.0, refusal=lambda wait: Failure(429, f"wait {wait}"), real=lambda: now[0])
    assert (limit.take(), limit.take()) == (1, 0)
    with pytest.raises(Failure) as refused:
        limit.take()
    assert refused.value.body == "wait 1"
    now[0] = 1.0
    assert limit.take() == 1
    limit.forget()
    assert limit.take() == 1


def test_what_clients_send_is_read_or_refused() -> None:
    def refuse(why: str) -> Failure:
        return Failure(400, why)

    assert json_object(b"", refuse) == {}
    for body in (b"{", b"[]"):
        with pytest.raises(Failure):
            json_object(body, refuse)
    assert basic_credentials({"Authorization": "Basic YTpiOmM="}) == ("a", "b:c") and basic_credentials({}) == ("", "")
    assert decoded("!") == "" and (page_size("7", 5), page_size(None, 5, 3), page_size("0", 5), page_size("x", 5)) == (5, 3, 1, 5)


@pytest.mark.parametrize(("said", "kind", "content"), [
    ({"a": "ü😀"}, "application/json; charset=utf-8", json.dumps({"a": "ü😀"}, ensure_ascii=False).encode()), ([], "application/json; charset=utf-8", b"[]"),
    (None, "application/json; charset=utf-8", b""), ("Id,Name\n", "text/plain; charset=utf-8", b"Id,Name\n"), (b"\x00\xff", "application/octet-stream", b"\x00\xff"),
])
def test_an_answer_goes_over_the_wire_as_what_it_is(said: Any, kind: str, content: bytes) -> None:
    heard = []

    def answer(method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], Any]:
        heard.append((method, url, headers.get("x-mine"), body))
        return 202, {"X-Left": "3"}, said

    with served(answer) as url:
        got = requests.patch(f"{url}/a?b=1", data=b"body", headers={"X-Mine": "yes"}, timeout=5)
        head = requests.head(url, timeout=5)
    assert (got.status_code, got.headers["X-Left"], got.headers["Content-Type"], got.content) == (202, "3", kind, content)
    assert heard[0] == ("PATCH", "/a?b=1", "yes", b"body") and head.content == b""
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=1)
