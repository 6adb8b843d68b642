"""Links in messages: looking changes nothing, pressing acts once, and whoever plays with them gets a plain page; all of it stands in the audit."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import sqlalchemy as sql

from flows.alerting import endpoint, links
from flows.alerting.clicks import Action, Click, Gone
from flows.alerting.links import BadKey, Forged, Ticket
from flows.alerting.notice import Language
from flows.serve import server_of
from flows.store import audit
from flows.store import ledger as ledgers

KEY = "5eed" * 16
NOW = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)
TICKET = Ticket(action="acknowledge", subject="late_suppliers/Umbra", to="ops chat", language="en", expires=NOW + timedelta(days=7), nonce="n1")

done = sql.Table("test_done", sql.MetaData(), sql.Column("subject", sql.Text), sql.Column("by", sql.Text))


def act(connection: sql.Connection, click: Click) -> str:
    connection.execute(sql.insert(done).values(subject=click.subject, by=click.by))
    if click.subject == "over already":
        raise Gone("It has been resolved since.")
    if click.subject == "bug":
        raise RuntimeError("Tok3n: internal detail")
    return "Acknowledged."


def describe(connection: sql.Connection, subject: str, language: Language) -> str | None:
    return None if subject == "unknown" else f"<Late> {subject}"


ACTIONS = {"acknowledge": Action(title={"en": "Acknowledge", "zh-CN": "确认"}, explains={"en": "Reminders stop.", "zh-CN": "不再提醒。"}, describe=describe, act=act)}


@dataclass
class Served:
    ledger: ledgers.Ledger
    port: int = 0
    now: datetime = NOW
    seconds: float = 0.0
    behind_proxy: bool = False
    rows: list[tuple[str, str]] = field(default_factory=list)

    def url(self, ticket: Ticket = TICKET) -> str:
        return f"http://127.0.0.1:{self.port}/a/{links.token(ticket, KEY)}"

    def done(self) -> list[tuple[str, str]]:
        with self.ledger.begin() as connection:
            return [(row.subject, row.by) for row in connection.execute(sql.select(done))]

    def audited(self) -> list[str]:
        with self.ledger.begin() as connection:
            rows = list(connection.execute(sql.select(audit.audit).order_by(audit.audit.c.number)))
        return [f"{row.who}: {row.what}: {json.loads(row.detail).get('result', '')}" for row in rows]


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    ledger = ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))
    done.metadata.create_all(ledger)
    state = Served(ledger=ledger, behind_proxy=getattr(request, "param", False))
    app = endpoint.make_app(ledger, ACTIONS, KEY, clock=lambda: state.now, monotonic=lambda: state.seconds, behind_proxy=state.behind_proxy)
    server = server_of(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    state.port = server.servers[0].sockets[0].getsockname()[1]
    yield state
    server.should_exit = True
    thread.join(10)


def test_looking_changes_nothing_and_says_what_pressing_does(served: Served) -> None:
    for _ in range(3):                                    # a mail scanner, twice, and a person
        page = requests.get(served.url(), timeout=5)
    assert page.status_code == 200
    for text in ("Acknowledge", "&lt;Late&gt; late_suppliers/Umbra", "Reminders stop.", "ops chat", '<form method="post">'):
        assert text in page.text
    assert requests.head(served.url(), timeout=5).content == b""
    assert (served.done(), served.audited()) == ([], [])


def test_pressing_acts_once_and_a_second_press_is_told_who_was_first(served: Served) -> None:
    first = requests.post(served.url(), data={"name": "Mira\r\n Okafor"}, timeout=5)
    assert (first.status_code, "Acknowledged." in first.text) == (200, True)
    second = requests.post(served.url(), data={"name": "Ben"}, timeout=5)
    assert (second.status_code, "2026-11-17 08:00 UTC, Mira Okafor (ops chat)" in second.text) == (409, True)
    assert "done already" in requests.get(served.url(), timeout=5).text
    assert served.done() == [("late_suppliers/Umbra", "Mira Okafor (ops chat)")]
    assert [row.rsplit(": ", 1)[1] for row in served.audited()] == ["done", "used"]


def test_many_presses_at_the_same_moment_act_once(served: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: requests.post(served.url(), timeout=20).status_code, range(8)))
    assert statuses == [200] + [409] * 7
    assert len(served.done()) == 1
    with served.ledger.begin() as connection:
        assert audit.verify(connection).rows == 8


def test_expired_forged_and_changed_links_do_nothing_and_say_so_plainly(served: Served) -> None:
    token = links.token(TICKET, KEY)
    payload, signature = token.split(".")
    forged = [links.token(TICKET, "0" * 64), token[:-2], f"{payload[:-4]}AAAA.{signature}", "x", f"{token}.x", "a" * 5000, f"{payload}=.{signature}", "%00"]
    for bad in forged:
        for answer in (requests.get(f"http://127.0.0.1:{served.port}/a/{bad}", timeout=5), requests.post(f"http://127.0.0.1:{served.port}/a/{bad}", timeout=5)):
            assert (answer.status_code, "not a link of ours" in answer.text) == (403, True), bad
    served.now += timedelta(days=7)
    assert requests.post(served.url(), timeout=5).status_code == 410
    assert served.done() == []
    rows = served.audited()
    assert (len(rows), rows[-1].endswith(": over")) == (len(forged) + 1, True)


def test_what_is_over_already_is_said_and_nothing_is_changed(served: Served) -> None:
    for subject, said in (("over already", "It has been resolved since."), ("unknown", "There is nothing left to do")):
        answer = requests.post(served.url(Ticket(**{**TICKET.__dict__, "subject": subject, "nonce": subject})), timeout=5)
        assert (answer.status_code, said in answer.text) == (410, True)
    other = Ticket(**{**TICKET.__dict__, "action": "delete_everything", "nonce": "n9"})
    assert requests.post(served.url(other), timeout=5).status_code == 410
    assert served.done() == []
    assert len(served.audited()) == 3


def test_no_error_of_ours_is_shown_and_the_link_can_be_used_again(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    link = served.url(Ticket(**{**TICKET.__dict__, "subject": "bug", "nonce": "b"}))
    for _ in range(2):
        answer = requests.post(link, timeout=5)
        assert (answer.status_code, "Nothing was changed" in answer.text, "Tok3n" in answer.text) == (500, True, False)
    assert served.done() == []
    assert "Tok3n" not in caplog.text and link.rsplit("/", 1)[1] not in caplog.text


def test_chinese_readers_get_chinese_pages(served: Served) -> None:
    chinese = Ticket(**{**TICKET.__dict__, "language": "zh-CN", "nonce": "z"})
    page = requests.get(served.url(chinese), timeout=5)
    page.encoding = "utf-8"
    assert all(text in page.text for text in ('lang="zh-CN"', "确认", "不再提醒。", "您的姓名"))
    bad = requests.get(f"http://127.0.0.1:{served.port}/a/x", headers={"Accept-Language": "zh-CN,zh;q=0.9"}, timeout=5)
    assert "链接无效" in bad.content.decode()


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/", 404), ("GET", "/a", 404), ("GET", "/a/../../etc/passwd", 404), ("GET", "/a/x/y", 404), ("PUT", "/a/x", 405), ("DELETE", "/a/x", 405),
    ("GET", "/health", 200), ("POST", "/health", 404), ("GET", "/docs", 404), ("GET", "/openapi.json", 404),
])
def test_there_is_nothing_else_and_every_answer_is_hardened(served: Served, method: str, path: str, status: int) -> None:
    answer = requests.request(method, f"http://127.0.0.1:{served.port}{path}", timeout=5)
    assert answer.status_code == status
    for name in ("Content-Security-Policy", "Referrer-Policy", "X-Frame-Options"):
        assert answer.headers[name]
    assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert "server" not in answer.headers


def test_the_style_of_the_pages_is_the_one_that_their_policy_allows(served: Served) -> None:
    import base64
    import hashlib

    page = requests.get(served.url(), timeout=5)
    (style,) = re.findall(r"<style>(.*?)</style>", page.text)
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" in page.headers["Content-Security-Policy"]
    assert "<script" not in page.text and "style=" not in page.text and "src=" not in page.text


def test_a_body_that_is_too_long_or_never_ends_is_not_read(served: Served) -> None:
    assert requests.post(served.url(), data="name=" + "x" * 10_000, timeout=5).status_code == 413
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as raw:       # no length given: it could go on for ever
        path = served.url().split(str(served.port))[1]
        raw.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + (b"1000\r\n" + b"y" * 4096 + b"\r\n") * 2)
        assert b" 413 " in raw.recv(4096)
    assert served.done() == []


def test_who_asks_too_often_waits_and_nobody_else(served: Served) -> None:
    statuses = [requests.get(served.url(), timeout=5).status_code for _ in range(endpoint.PER_ADDRESS + 2)]
    assert statuses == [200] * endpoint.PER_ADDRESS + [429] * 2
    forged = requests.get(served.url(), headers={"X-Forwarded-For": "203.0.113.9"}, timeout=5)      # without a proxy nobody believes it
    assert forged.status_code == 429
    served.seconds += endpoint.WINDOW + 1
    assert requests.get(served.url(), timeout=5).status_code == 200


@pytest.mark.parametrize("served", [True], indirect=True)
def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_wrote(served: Served) -> None:
    for number in range(endpoint.PER_ADDRESS):
        requests.get(served.url(), headers={"X-Forwarded-For": f"10.0.0.{number}, 203.0.113.9"}, timeout=5)
    assert requests.get(served.url(), headers={"X-Forwarded-For": "203.0.113.9"}, timeout=5).status_code == 429
    assert requests.post(served.url(), headers={"X-Forwarded-For": "203.0.113.10"}, timeout=5).status_code == 200
    with served.ledger.begin() as connection:
        assert '"address": "203.0.113.10"' in connection.execute(sql.select(audit.audit.c.detail)).scalar_one()


def test_a_token_is_read_back_as_it_was_and_has_one_spelling() -> None:
    assert links.read(links.token(TICKET, KEY), KEY) == TICKET
    with pytest.raises(Forged):
        links.read(links.token(TICKET, KEY), "other" * 10)
    with pytest.raises(Forged):
        links.read(links.token(TICKET, ""), "")
    for key in ("", "short"):
        with pytest.raises(BadKey, match="openssl rand -hex 32"):
            links.writer("http://x", key, now=NOW, lasts=timedelta(days=1))
    write = links.writer("http://x", KEY, now=NOW, lasts=timedelta(days=1))
    assert write("acknowledge", "a", "b", "en") != write("acknowledge", "a", "b", "en")
