"""Each channel against a stand-in that checks what its vendor documents: form, signature, size, and what an answer means."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows import channels as configured_channels
from flows.alerting.channels import form, http
from flows.alerting.channels.contract import Answer, Channel, send
from flows.alerting.notice import Item, Link, Notice
from flows.settings import ConfigurationError, load, parse
from tests.flows.alerting.stand_ins import PATIENCE, SECRET, VENDORS, Collector, slack_method

ACTION = Link(text="确认", url="http://127.0.0.1:8787/a/" + "x" * 300, is_action=True)
EVIDENCE = Link(text="Evidence", url="http://127.0.0.1:8787/evidence")
NOTICE = Notice(
    key="late_suppliers/firing", thread="late_suppliers", kind="firing", severity="critical", language="en", title="Suppliers deliver late",
    lead="18.2 %, target 10 %, since 12 November.", items=(Item(subject="Umbra GmbH", text="6 of 33", trend=(0.1, None, 0.18)),),
    why=("the carrier on <b>route 7</b>",), steps=("Call them.", "Order elsewhere."), owner="purchasing lead", links=(ACTION, EVIDENCE), footer="20261117T023000Z")


def make_channel(kind: str, url: str, tmp_path: Path, **options: Any) -> Channel:
    """As `meridian` makes it out of a configuration."""
    options = {"url_env": "URL", **(VENDORS[kind].options if kind in VENDORS else {}), **options}
    options = {name: value for name, value in options.items() if value is not None}
    lines = [f'{name} = {value if isinstance(value, int) else repr(value)}' for name, value in options.items()]
    (tmp_path / "meridian.toml").write_text("\n".join(['[company]\nname = "Shop"', f"[channels.it]\nkind = '{kind}'", *lines]), encoding="utf-8")
    settings = load(tmp_path / "meridian.toml", environment={"URL": url, "SECRET": SECRET})
    return configured_channels.configured(settings)["it"]


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", PATIENCE)


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Iterator[tuple[str, Collector]]:
    with VENDORS[request.param].collector() as collector:
        yield request.param, collector


def now() -> datetime:
    return datetime.now(UTC)


def test_what_a_channel_sends_is_taken_by_a_system_that_checks_as_its_vendor_documents(vendor: tuple[str, Collector], tmp_path: Path) -> None:
    kind, collector = vendor
    answer = send(make_channel(kind, collector.url, tmp_path), NOTICE, now())
    assert answer.outcome == "delivered", (answer, collector.refusals)
    shown = str(collector.taken)
    assert all(text in shown for text in ("Suppliers deliver late", "18.2 %, target 10 %", "Umbra GmbH", "▁·█", "Order elsewhere.", "purchasing lead", ACTION.url))


def random_notice(chance: random.Random) -> Notice:
    def text(most: int) -> str:
        return "".join(chance.choice("aé供应商 <>&*[](`🚚👩‍🔧\n") for _ in range(chance.randrange(most)))

    return Notice(
        key=text(20), thread="t", kind="firing", severity="warning", language=chance.choice(("en", "zh-CN")), title="T" + text(chance.choice((20, 3000))),
        lead=text(chance.choice((50, 20_000))), why=tuple(text(4000) for _ in range(3)), steps=tuple(text(500) for _ in range(4)), owner=text(100),
        items=tuple(Item(subject="S" + text(chance.choice((30, 2000))), text=text(100), trend=(1.0, None, 2.0) * 20) for _ in range(chance.choice((0, 1, 40, 300)))),
        links=(ACTION, EVIDENCE), footer=text(300))


def test_a_message_of_any_size_fits_its_limit_in_bytes_and_keeps_title_and_action(vendor: tuple[str, Collector], tmp_path: Path) -> None:
    kind, collector = vendor
    channel, chance = make_channel(kind, collector.url, tmp_path), random.Random(7)
    for _ in range(8):
        answer = send(channel, random_notice(chance), now())
        assert answer.outcome == "delivered", (answer, collector.refusals)
    assert all(ACTION.url in str(message) for message in collector.taken)
    assert any("more" in str(message) or "另有" in str(message) for message in collector.taken)


@pytest.mark.parametrize(("fault", "outcome", "retry_after"), [
    ("429", "retry", 7), ("limited", "retry", None), ("failing", "refused", None), ("500 lost", "unknown", None), ("500 taken", "unknown", None),
    ("silent, taken", "unknown", None), ("cut, taken", "unknown", None),
])
def test_an_answer_means_what_its_vendor_says(vendor: tuple[str, Collector], tmp_path: Path, fault: str, outcome: str, retry_after: float | None) -> None:
    kind, collector = vendor
    collector.faults.append(fault)
    answer = send(make_channel(kind, collector.url, tmp_path), NOTICE, now())
    assert answer.outcome == outcome, answer
    if retry_after and kind != "dingtalk":            # DingTalk's ten minutes are longer, and come with its code
        assert answer.retry_after == retry_after
    assert "Tok3n" not in answer.said


def test_a_page_that_is_not_the_systems_is_no_yes(tmp_path: Path) -> None:
    for kind in ("feishu", "wecom", "dingtalk", "slack"):
        with VENDORS[kind].collector() as collector:
            collector.faults.append("garbage, taken")
            assert send(make_channel(kind, collector.url, tmp_path), NOTICE, now()).outcome == "unknown"


def test_a_system_that_answers_a_byte_now_and_then_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", (0.3, 0.3))
    with VENDORS["wecom"].collector() as collector:
        collector.faults.append("trickle, taken")
        began = time.monotonic()
        assert send(make_channel("wecom", collector.url, tmp_path), NOTICE, now()).outcome == "unknown"
        assert time.monotonic() - began < 2


def test_dingtalk_is_left_alone_for_the_ten_minutes_for_which_it_blocks(tmp_path: Path) -> None:
    with VENDORS["dingtalk"].collector() as collector:
        collector.faults.append("limited")
        assert send(make_channel("dingtalk", collector.url, tmp_path), NOTICE, now()).retry_after == 600


def test_who_is_not_there_has_not_taken_it(tmp_path: Path) -> None:
    for kind in VENDORS:
        answer = send(make_channel(kind, "http://127.0.0.1:9/hook/Tok3n", tmp_path), NOTICE, now())
        assert (answer.outcome, "Tok3n" in answer.said) == ("retry", False)


def test_a_wrong_signature_and_a_wrong_clock_are_refused_in_the_vendors_words(tmp_path: Path) -> None:
    for kind, said in (("feishu", "19021"), ("dingtalk", "310000"), ("webhook", "bad signature")):
        with VENDORS[kind].collector() as collector:
            channel = make_channel(kind, collector.url, tmp_path)
            answer = send(channel, NOTICE, datetime(2026, 1, 1, tzinfo=UTC))
            assert (answer.outcome, said in answer.said, collector.taken) == ("refused", True, [])


def test_slack_by_a_bots_token(tmp_path: Path) -> None:
    with Collector(vendor=slack_method, limited=(200, {"ok": False, "error": "ratelimited"}), failing=(200, {"ok": False, "error": "fatal_error"})) as collector:
        channel = make_channel("slack", "", tmp_path, url_env=None, token_env="SECRET", channel="C0123", api=collector.url)
        collector.faults.extend(["", "limited", "failing"])
        assert [send(channel, NOTICE, now()).outcome for _ in range(3)] == ["delivered", "retry", "unknown"]
        elsewhere = make_channel("slack", "", tmp_path, url_env=None, token_env="SECRET", channel="C9", api=collector.url)
        assert send(elsewhere, NOTICE, now()) == Answer(outcome="refused", said="channel_not_found")


def test_a_channel_without_its_secret_waits_and_says_what_is_missing(tmp_path: Path) -> None:
    answer = send(make_channel("wecom", "", tmp_path), NOTICE, now())
    assert answer.outcome == "retry"
    assert answer.said.startswith("URL is not set: put it into ")


def test_apprise_sends_where_it_knows_and_is_not_believed_where_it_says_yes_to_everything(tmp_path: Path) -> None:
    with VENDORS["slack"].collector() as collector:
        collector.vendor = lambda headers, path, body: (200, "ok")
        channel = make_channel("apprise", collector.url.replace("http://", "json://"), tmp_path)
        collector.faults.extend(["", "429"])
        assert [send(channel, NOTICE, now()).outcome for _ in range(2)] == ["delivered", "unknown"]
        assert "Umbra GmbH" in collector.taken[0]["message"]
    answer = send(make_channel("apprise", "feishu://token", tmp_path), NOTICE, now())
    assert answer == Answer(outcome="refused", said="apprise takes every answer of feishu for a yes; use kind = 'feishu'")


def test_secrets_stand_in_no_repr(tmp_path: Path) -> None:
    assert "Tok3n" not in repr(make_channel("feishu", "http://127.0.0.1:9/Tok3n", tmp_path))
    assert SECRET not in repr(make_channel("feishu", "http://127.0.0.1:9/Tok3n", tmp_path))


def test_a_text_is_never_cut_inside_a_character_or_between_one_and_its_marks() -> None:
    text = "é供👩‍🔧e\u0301🚚" * 3
    for most in range(len(text.encode()) + 2):
        cut = form.cut(text, most)
        assert len(cut.encode()) <= most
        if cut != text:
            rest = text[len(cut.removesuffix("…")):]
            assert text.startswith(cut.removesuffix("…"))
            assert not cut.removesuffix("…").endswith("\u200d")
            assert not rest.startswith(("\u0301", "\u200d"))


@pytest.mark.parametrize(("old", "new", "line", "said"), [
    ("wecom", "wecm", 4, "channels.ops.kind = 'wecm' is no kind of channel; did you mean 'wecom'?"),
    ("url_env", "url_evn", 5, "channels.ops.url_evn is not an option of wecom; did you mean 'url_env'?"),
    ("url_env", "# url_env", 3, "channels.ops.url_env is missing"),
    ('fallback = "mail"', 'fallback = "mial"', 6, "channels.ops.fallback = 'mial' is no other channel; did you mean 'mail'?"),
    ("port = 25", "port = 0", 11, "channels.mail.port: Input should be greater"),
    ('"mira@example.com"', '"mira"', 14, "channels.mail.recipients: String should match pattern"),
    ('security = "none"', 'security = "ssl"', 12, "channels.mail.security: Input should be 'starttls', 'tls' or 'none'"),
    ('security = "none"', 'security = "none"\nusername = "u"', 8, "username needs password_env"),
    ('security = "none"', 'security = "none"\npassword_env = "P"', 8, "not sent over a connection that is not encrypted"),
    ("[company]", "[serve]\nprot = 1\n[company]", 2, "serve.prot is not a setting; did you mean 'port'?"),
    ("[company]", '[serve]\npublic_url = "example.com"\n[company]', 2, "serve.public_url"),
    ("[company]", '[watch]\nurl = "X"\n[company]', 2, "watch.url is not a setting; did you mean 'url_env'?"),
])
def test_a_wrong_channel_is_named_with_its_line_and_what_would_be_right(old: str, new: str, line: int, said: str) -> None:
    good = ('[company]\nname = "Shop"\n[channels.ops]\nkind = "wecom"\nurl_env = "URL"\nfallback = "mail"\n\n[channels.mail]\n'
            'kind = "email"\nhost = "localhost"\nport = 25\nsecurity = "none"\nsender = "m@example.com"\nrecipients = ["mira@example.com"]\n')
    assert set(parse(good, Path("meridian.toml")).channels) == {"ops", "mail"}
    with pytest.raises(ConfigurationError) as caught:
        parse(good.replace(old, new, 1), Path("meridian.toml"))
    assert said in str(caught.value)
    assert f"meridian.toml:{line}: " in str(caught.value)
