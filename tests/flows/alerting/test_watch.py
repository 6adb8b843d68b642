"""What watches over delivery, and what a person sees of it at a terminal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import sqlalchemy as sql
from typer.testing import CliRunner

from flows import channels, doctor, serve
from flows import watch as watching
from flows.alerting import auditor, links
from flows.alerting.links import BadKey, Ticket
from flows.cli import app
from flows.settings import Settings, load
from flows.store import audit, outbox
from flows.store import ledger as ledgers
from tests.flows.alerting.stand_ins import SECRET, VENDORS
from tests.flows.alerting.test_deliver import promise

KEY = "5eed" * 16


@contextmanager
def switch(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A dead man's switch: its address, and what it heard."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/ping/Tok3n", heard
    server.shutdown()
    server.server_close()


def settings_with(folder: Path, url: str, more: str = "", kind: str = "feishu", **secrets: str) -> Settings:
    (folder / "meridian.toml").write_text(
        f'[company]\nname = "Shop"\nlanguages = ["zh-CN", "en"]\n{more}\n[channels.it]\nkind = "{kind}"\nurl_env = "URL"\nsecret_env = "SECRET"\n', encoding="utf-8")
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in {"URL": url, "SECRET": SECRET, **secrets}.items()))
    (folder / ".env").chmod(0o600)
    return load(folder / "meridian.toml", environment={})


def meridian(settings: Settings, *arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, [*arguments, "--config", str(settings.path)])
    return outcome.exit_code, outcome.output


def test_a_test_message_is_a_real_one_and_the_systems_answer_is_said(tmp_path: Path) -> None:
    with VENDORS["feishu"].collector() as collector:
        settings = settings_with(tmp_path, collector.url)
        collector.faults.extend(["", "failing"])
        code, said = meridian(settings, "channels", "test", "it")
        assert (code, '"msg": "success"' in said) == (0, True)
        assert collector.taken[0]["card"]["header"]["title"]["content"] == "Shop：通道测试"
        code, said = meridian(settings, "channels", "test", "it")
        assert (code, "it: refused: HTTP 200" in said, "19024" in said) == (1, True, True)
    code, said = meridian(settings, "channels", "test", "itt")
    assert (code, "no channel 'itt'; there are it" in said) == (2, True)
    assert "Tok3n" not in said


def test_the_list_of_channels_says_what_each_delivered_and_what_it_lacks(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "http://127.0.0.1:9/")
    ledger = ledgers.open_ledger(settings.ledger)
    promise(ledger, "first", at=datetime.now(UTC) - timedelta(minutes=1))
    promise(ledger, "second", channel="gone", at=datetime.now(UTC))
    assert meridian(settings, "channels", "list") == (0, "it (feishu, zh-CN): 1 waiting\ngone: not configured any more: 1 waiting\n")
    assert "BAD: URL is not set" in meridian(settings_with(tmp_path, ""), "channels", "list")[1]


def test_what_is_due_goes_out_at_the_terminal_and_what_does_not_is_said(tmp_path: Path) -> None:
    with VENDORS["dingtalk"].collector() as collector:
        settings = settings_with(tmp_path, collector.url, kind="dingtalk")
        promise(ledgers.open_ledger(settings.ledger), "first", at=datetime.now(UTC) - timedelta(hours=2))
        collector.faults.append("limited")
        code, said = meridian(settings, "channels", "deliver")
        assert (code, "1 retry" in said, "send too fast" in said) == (1, True, True)


def test_the_switch_hears_of_us_while_all_is_well_and_of_nothing_else(tmp_path: Path) -> None:
    with switch() as (url, heard):
        settings = settings_with(tmp_path, "http://127.0.0.1:9/", '[watch]\nurl_env = "SWITCH"', SWITCH=url)
        ledger = ledgers.open_ledger(settings.ledger)
        assert watching.watch(settings, ledger) == watching.Watched(findings=(), switch="told")
        assert heard == ["/ping/Tok3n"]
        promise(ledger, "first", at=datetime.now(UTC) - timedelta(hours=1))
        watched = watching.watch(settings, ledger)
        assert (watched.switch, len(watched.findings), len(heard)) == ("", 1, 1)
        assert "1 messages for it are not delivered" in watched.findings[0]
        assert watching.watch(settings, ledger, more=[lambda connection, now: ["an alert fires unheard"]]).findings[1] == "an alert fires unheard"
    with switch(500) as (url, _):
        for address, said in ((url, "said HTTP 500"), ("http://127.0.0.1:9/Tok3n", "not reached: ConnectionError"), ("", "SWITCH is not set")):
            folder = tmp_path / str(len(address))
            folder.mkdir()
            settings = settings_with(folder, "", '[watch]\nurl_env = "SWITCH"', SWITCH=address)
            found = watching.watch(settings, ledgers.open_ledger(settings.ledger)).switch
            assert said in found and "Tok3n" not in found


def test_the_auditor_finds_what_is_overdue_lost_homeless_or_said_to_be_where_it_is_not(tmp_path: Path) -> None:
    ledger, now = ledgers.open_ledger(str(tmp_path / "ledger.sqlite")), datetime(2026, 11, 17, 12, 0, tzinfo=UTC)
    for key, state, answer, hours in (("a", "delivered", "", 5), ("b", "waiting", "451 busy", 5), ("c", "refused", "19024", 5), ("d", "refused", "19024", 5),
                                      ("e", "digested", "in digest/it/1", 5), ("f", "waiting", None, 0), ("g", "refused", "old", 48)):
        promise(ledger, key, at=now - timedelta(hours=hours))
        with ledger.begin() as connection:
            connection.execute(sql.update(outbox.outbox).where(outbox.outbox.c.key == key).values(state=state, answer=answer))
    promise(ledger, "d", channel="mail", at=now)
    promise(ledger, "later", channel="mail", at=now - timedelta(hours=9))
    with ledger.begin() as connection:
        connection.execute(sql.update(outbox.outbox).where(outbox.outbox.c.key == "later").values(due_at=ledgers.text(now + timedelta(hours=3))))
        found = auditor.examine(connection, now=now, overdue=timedelta(minutes=30), channels={"it"})
    assert found == [
        "1 messages for it are not delivered, the oldest of 2026-11-17T07:00 UTC; its system said: 451 busy",
        "c was refused by it and nobody else has it: 19024",
        "e for it is said to be in a digest that is not there",
        "messages wait for mail, and there is no channel of this name",
    ]


def test_an_audit_is_verified_at_the_terminal(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "")
    ledger = ledgers.open_ledger(settings.ledger)
    with ledger.begin() as connection:
        kept = audit.append(connection, at=datetime.now(UTC), who="mira", what="acknowledged", subject="x")
        audit.append(connection, at=datetime.now(UTC), who="ben", what="acknowledged", subject="y")
    code, said = meridian(settings, "audit", "verify", "--kept", kept)
    assert (code, said.startswith("2 rows, all as they were written; newest ")) == (0, True)
    assert meridian(settings, "audit", "verify", "--kept", "0" * 64)[0] == 1
    with ledger.begin() as connection:
        connection.execute(sql.update(audit.audit).where(audit.audit.c.number == 1).values(who="nobody"))
    assert meridian(settings, "audit", "verify") == (1, "row 1 is not as it was written; those before it are\n")


def test_links_are_written_with_a_key_only_and_begin_with_the_public_address(tmp_path: Path) -> None:
    assert channels.link_writer(settings_with(tmp_path, "")) is None
    assert channels.link_writer(settings_with(tmp_path, "", **{links.KEY_VARIABLE: "short"})) is None
    with pytest.raises(BadKey, match="not set"):
        serve.make_app(settings_with(tmp_path, ""), {})
    write = channels.link_writer(settings_with(tmp_path, "", '[serve]\npublic_url = "https://ops.example.com/meridian/"', **{links.KEY_VARIABLE: KEY}))
    assert write
    url = write("acknowledge", "late", "ops chat", "zh-CN")
    assert url.startswith("https://ops.example.com/meridian/a/")
    assert links.read(url.rsplit("/", 1)[1], KEY).subject == "late"


def test_meridian_serve_answers_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = settings_with(tmp_path, "", f"[serve]\nport = {port}", **{links.KEY_VARIABLE: KEY})
    server = subprocess.Popen([sys.executable, "-m", "flows.cli", "serve", "--config", str(settings.path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                assert requests.get(f"http://127.0.0.1:{port}/health", timeout=5).text == "ok\n"
                break
            except requests.ConnectionError:
                assert server.poll() is None and time.monotonic() < deadline
                time.sleep(0.2)
        ticket = Ticket(action="no such", subject="x", to="y", language="en", expires=datetime.now(UTC) + timedelta(days=1), nonce="n")
        token = links.token(ticket, KEY)
        assert requests.post(f"http://127.0.0.1:{port}/a/{token}", timeout=5).status_code == 410
    finally:
        os.kill(server.pid, signal.SIGTERM)
        said, _ = server.communicate(timeout=20)
    assert f"listening on 127.0.0.1:{port}" in said
    assert token not in said
    with ledgers.open_ledger(settings.ledger).begin() as connection:
        assert audit.verify(connection).rows == 1


def test_a_sample_is_written_in_the_channels_language(tmp_path: Path) -> None:
    channel = channels.configured(settings_with(tmp_path, "x"))["it"]
    assert channels.sample(channel, company="Shop", now=datetime.now(UTC)).lead == "这是一条测试消息，无需处理。"


def test_doctor_says_which_channel_cannot_send_and_that_links_have_no_key(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "", '[state]\nhome = "state"')
    found = {finding.subject: finding for finding in doctor._channels(settings)}
    assert (found["links"].is_well, found["channel it (feishu)"].is_well) == (False, False)
    assert "openssl rand -hex 32" in found["links"].detail and "URL is not set" in found["channel it (feishu)"].detail
    good = {finding.subject: finding.is_well for finding in doctor._channels(settings_with(tmp_path, "x", **{links.KEY_VARIABLE: KEY}))}
    assert good == {"links": True, "channel it (feishu)": True}
