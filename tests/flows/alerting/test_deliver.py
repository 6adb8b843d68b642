"""Every promise is kept: whatever a system does, and wherever a sender dies, nothing is lost, and only what may have arrived is sent again, and counted."""

from __future__ import annotations

import itertools
import random
import signal
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from flows.alerting import deliver
from flows.alerting.channels import KINDS, email, http
from flows.alerting.channels.contract import Channel, Rate
from flows.alerting.notice import Notice, to_json
from flows.store import ledger as ledgers
from flows.store import outbox
from sandbox.databases import Database
from tests.flows.alerting.mail_server import Mailbox, mail_server
from tests.flows.alerting.stand_ins import PATIENCE, SECRET, VENDORS, Collector, slack_method
from tests.flows.alerting.test_channels import NOTICE
from tests.flows.alerting.test_email import mail_channel
from tests.flows.store.test_published_kills import KillAt

START = datetime(2026, 11, 17, 2, 40, tzinfo=UTC)
spawn = get_context("spawn")


@dataclass
class Clock:
    """Stands still but for who sleeps."""

    now: datetime = START
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


def wall() -> datetime:
    return datetime.now(UTC).replace(minute=10)         # no minute in which Feishu is left alone


def channel_of(kind: str, url: str, name: str = "it", **more: Any) -> Channel:
    options = KINDS[kind].options.model_validate({"url_env": "URL", **VENDORS[kind].options})
    return Channel(name=name, kind=KINDS[kind], language="en", options=options, secrets={"url": url, "secret": SECRET}, **more)


def courier(ledger: ledgers.Ledger, clock: Clock, *channels: Channel, **more: Any) -> deliver.Courier:
    return deliver.Courier(**{"ledger": ledger, "channels": {channel.name: channel for channel in channels}, "clock": clock, "wall": wall,
                              "random": random.Random(3).random, "sleep": clock.sleep, **more})


def promise(ledger: ledgers.Ledger, *keys: str, channel: str = "it", at: datetime = START, **changed: Any) -> None:
    with ledger.begin() as connection:
        for key in keys:
            notice = replace(NOTICE, **{"key": key, "thread": key, "title": f"about {key}", **changed})
            outbox.put(connection, key=key, channel=channel, notice=to_json(notice), at=at)


def states(ledger: ledgers.Ledger) -> dict[tuple[str, str], str]:
    with ledger.begin() as connection:
        return {(row.key, row.channel): row.state for row in connection.execute(sql.select(outbox.outbox))}


def until_done(to: deliver.Courier, clock: Clock, most: timedelta = timedelta(hours=12)) -> Counter[str]:
    """Deliver every five minutes, as the schedule does, until nothing waits."""
    done, end = Counter[str](), clock.now + most
    while outbox.channels_waiting(to.ledger):
        done += deliver.deliver_due(to)
        clock.now += timedelta(minutes=5)
        assert clock.now < end, states(to.ledger)
    return done


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", PATIENCE)
    monkeypatch.setattr(email, "ANSWER_SECONDS", PATIENCE[1])


@pytest.fixture
def ledger(tmp_path: Path) -> ledgers.Ledger:
    return ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


# ---- the matrix: channel x fault

HTTP_FAULTS = ("429", "limited", "500 lost", "500 taken", "silent, taken", "cut, taken", "failing")
MAIL_FAULTS = ("busy", "full", "refuse", "silent, taken", "cut, taken")
TAKEN = {"500 taken", "silent, taken", "cut, taken"}
FINAL = {"failing", "refuse"}


@pytest.mark.parametrize(("kind", "fault"), [*itertools.product(VENDORS, HTTP_FAULTS), *(("email", fault) for fault in MAIL_FAULTS)])
def test_whatever_a_system_does_every_message_arrives_and_only_what_was_never_answered_arrives_twice(
    kind: str, fault: str, ledger: ledgers.Ledger, clock: Clock, tmp_path: Path,
) -> None:
    keys = ("first", "second", "third")
    promise(ledger, *keys)
    with VENDORS["webhook"].collector() as spare, _system(kind, tmp_path) as (system, channel):
        system.faults.append(fault)
        done = until_done(courier(ledger, clock, channel, channel_of("webhook", spare.url, "spare")), clock)
        arrived = Counter(key for key in keys for message in [*map(_shown, system.taken), *map(_shown, spare.taken)] if f"about {key}" in message
                          and "does not deliver" not in message)
        again = sum(arrived.values()) - len(keys)
        assert set(arrived) == set(keys)                                      # lost: 0
        assert again == (1 if fault in TAKEN else 0)
        assert done["perhaps twice"] == (1 if fault in TAKEN or fault == "500 lost" else 0)
        with ledger.begin() as connection:
            counted = outbox.counts(connection)["it"].get("perhaps twice", 0)
        assert counted == done["perhaps twice"]
        assert [message for message in map(_shown, spare.taken) if "does not deliver" in message] != [] if fault in FINAL else not spare.taken
        if fault in TAKEN and kind not in ("email", "webhook"):
            assert any("You may have received this before" in str(message) for message in system.taken)
        if fault in TAKEN and kind == "email":
            assert len({message["Message-ID"] for message in system.taken}) == len(keys)
        if fault in TAKEN and kind == "webhook":
            assert len({headers["Idempotency-Key"] for headers in system.headers}) == len(keys)


def _system(kind: str, folder: Path) -> Any:
    return _mail(folder) if kind == "email" else _http(kind)


class _http:
    def __init__(self, kind: str) -> None:
        self.kind, self.collector = kind, VENDORS[kind].collector()

    def __enter__(self) -> tuple[Collector, Channel]:
        self.collector.__enter__()
        return self.collector, channel_of(self.kind, self.collector.url)

    def __exit__(self, *_: object) -> None:
        self.collector.__exit__()


class _mail:
    def __init__(self, folder: Path) -> None:
        self.server = mail_server(folder)

    def __enter__(self) -> tuple[Mailbox, Channel]:
        box = self.server.__enter__()
        return box, replace(mail_channel(box.port), name="it")

    def __exit__(self, *_: object) -> None:
        self.server.__exit__(None, None, None)


def _shown(message: Any) -> str:
    return str(message["Subject"]) if hasattr(message, "get_body") else str(message)


def test_a_system_that_is_down_for_an_hour_has_everything_afterwards_and_once(ledger: ledgers.Ledger, clock: Clock) -> None:
    collector = VENDORS["feishu"].collector()
    with collector:
        pass                                            # now its port is known, and closed
    promise(ledger, "first", "second")
    to = courier(ledger, clock, channel_of("feishu", collector.url))
    for _ in range(12):
        assert deliver.deliver_due(to)["delivered"] == 0
        clock.now += timedelta(minutes=5)
    with collector:
        until_done(to, clock)
        assert sorted(message["card"]["header"]["title"]["content"] for message in collector.taken) == ["about first", "about second"]


def test_what_a_channel_cannot_deliver_for_an_hour_goes_to_the_other_and_comes_back_when_that_is_down_too(ledger: ledgers.Ledger, clock: Clock) -> None:
    first, second = VENDORS["wecom"].collector(), VENDORS["slack"].collector()
    with first, second:
        pass
    promise(ledger, "news")
    to = courier(ledger, clock, channel_of("wecom", first.url), channel_of("slack", second.url, "other"))
    for _ in range(40):
        deliver.deliver_due(to)
        clock.now += timedelta(minutes=5)
    assert states(ledger).keys() >= {("news", "it"), ("news", "other"), ("trouble/it/2026-11-17", "other")}
    with first:
        for _ in range(24):
            deliver.deliver_due(to)
            clock.now += timedelta(minutes=5)
        assert sum("about news" in str(message) and "does not deliver" not in str(message) for message in first.taken) == 1
        assert any("The channel other does not deliver" in str(message) for message in first.taken)


# ---- limits

def test_many_at_once_become_one_digest_with_the_worst_alone_and_every_subject_in_it(ledger: ledgers.Ledger, clock: Clock) -> None:
    promise(ledger, *(f"late-{number}" for number in range(40)), severity="warning")
    promise(ledger, "worst", severity="critical")
    with VENDORS["feishu"].collector() as collector:
        done = deliver.deliver_due(courier(ledger, clock, channel_of("feishu", collector.url)), patience=timedelta(minutes=1))
        assert done == {"delivered": 10, "digested": 32}
        titles = [message["card"]["header"]["title"]["content"] for message in collector.taken]
        assert titles[0] == "about worst"
        assert titles[-1] == "32 messages in one"
        everything = str(collector.taken)
        assert all(f"about late-{number}" in everything.replace("&#45;", "-") for number in range(40))
    assert Counter(states(ledger).values()) == {"delivered": 10, "digested": 32}


def test_no_window_of_time_sees_more_messages_than_the_vendor_allows_over_two_senders(ledger: ledgers.Ledger, clock: Clock) -> None:
    kind = replace(KINDS["webhook"], rates=(Rate(messages=2, seconds=1), Rate(messages=5, seconds=60)))
    promise(ledger, *(f"n{number}" for number in range(9)))
    with VENDORS["webhook"].collector() as collector:
        to = courier(ledger, clock, replace(channel_of("webhook", collector.url), kind=kind))
        assert deliver.deliver_due(to)["delivered"] == 2
        assert deliver.deliver_due(to, patience=timedelta(seconds=5))["delivered"] == 3
        assert deliver.deliver_due(to, patience=timedelta(seconds=70))["delivered"] == 4
        with ledger.begin() as connection:
            times = [ledgers.instant(at) for at in connection.execute(sql.select(outbox.attempts.c.started_at).order_by(outbox.attempts.c.started_at)).scalars()]
    assert all(after - before > timedelta(seconds=1) for before, after in zip(times, times[2:], strict=False))        # type: ignore[operator]
    assert all(after - before > timedelta(seconds=60) for before, after in zip(times, times[5:], strict=False))       # type: ignore[operator]


def test_a_channel_is_left_alone_for_as_long_as_its_system_asks(ledger: ledgers.Ledger, clock: Clock) -> None:
    promise(ledger, "first", "second")
    with VENDORS["dingtalk"].collector() as collector:
        collector.faults.append("limited")
        to = courier(ledger, clock, channel_of("dingtalk", collector.url))
        assert deliver.deliver_due(to) == {"retry": 1}
        clock.now += timedelta(minutes=9)
        assert deliver.deliver_due(to) == {}
        clock.now += timedelta(minutes=7)
        assert deliver.deliver_due(to) == {"delivered": 2}


def test_feishu_is_not_asked_on_the_hour_and_the_half_hour(ledger: ledgers.Ledger, clock: Clock) -> None:
    promise(ledger, "first")
    with VENDORS["feishu"].collector() as collector:
        on_the_hour = courier(ledger, clock, channel_of("feishu", collector.url), wall=lambda: datetime(2026, 11, 17, 10, 30, 20, tzinfo=UTC))
        assert deliver.deliver_due(on_the_hour) == {}
        assert deliver.deliver_due(replace(on_the_hour, wall=wall)) == {"delivered": 1}


def test_no_resolved_overtakes_its_alert(ledger: ledgers.Ledger, clock: Clock) -> None:
    promise(ledger, "firing", thread="matter", severity="info")
    promise(ledger, "resolved", thread="matter", severity="critical", at=START + timedelta(seconds=1))
    with VENDORS["wecom"].collector() as collector:
        collector.faults.append("500 lost")
        clock.now += timedelta(seconds=1)
        to = courier(ledger, clock, channel_of("wecom", collector.url))
        assert deliver.deliver_due(to) == {"unknown": 1}
        assert states(ledger) == {("firing", "it"): "unknown", ("resolved", "it"): "waiting"}
        until_done(to, clock)
        assert ["firing" in str(message) for message in collector.taken] == [True, False]


# ---- two senders, dead senders, clocks

def test_two_senders_at_once_never_send_the_same_message_twice(ledger: ledgers.Ledger, clock: Clock) -> None:
    _three_senders(ledger, clock)


def test_two_senders_at_once_never_send_the_same_message_twice_on_postgresql(postgres_server: Database, clock: Clock) -> None:
    ledger = ledgers.open_ledger(postgres_server.another("outbox").url.replace("postgresql:", "postgresql+pg8000:"))
    _three_senders(ledger, clock)
    promise(ledger, *(f"late-{number}" for number in range(40)))
    with VENDORS["wecom"].collector() as collector:
        collector.faults.extend(["cut, taken", "limited"])
        done = until_done(courier(ledger, clock, channel_of("wecom", collector.url)), clock)
        assert (done["digested"], done["perhaps twice"]) == (31, 1)


def _three_senders(ledger: ledgers.Ledger, clock: Clock) -> None:
    promise(ledger, *(f"n{number}" for number in range(10)))
    with VENDORS["webhook"].collector() as collector:
        to = courier(ledger, clock, channel_of("webhook", collector.url))
        together = threading.Barrier(3)

        def run() -> None:
            together.wait()
            deliver.deliver_due(to)

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until_done(to, clock)
        assert sorted(message["notice"]["key"] for message in collector.taken) == sorted(f"n{number}" for number in range(10))


def _die(url: str, kind: str, path: str, number: int, notes: Path) -> None:
    clock = Clock()
    channel = replace(mail_channel(int(url)), name="it") if kind == "email" else channel_of(kind, url)
    deliver.deliver_due(courier(ledgers.open_ledger(path), clock, channel, step=KillAt(number, notes)))


@pytest.mark.parametrize(("kind", "count"), [("webhook", 12), ("email", 1)])
def test_killed_at_every_step_of_a_delivery_nothing_is_lost_and_only_what_had_left_comes_twice(kind: str, count: int, tmp_path: Path) -> None:
    """Twelve messages: nine alone, three in a digest."""
    steps: set[str] = set()
    for number in itertools.count(1):
        folder = tmp_path / str(number)
        folder.mkdir()
        ledger, clock = ledgers.open_ledger(str(folder / "ledger.sqlite")), Clock()
        promise(ledger, *(f"n{one:02d}" for one in range(count)))
        with _system(kind, folder) as (system, channel):
            url = str(channel.options.port) if kind == "email" else system.url
            child = spawn.Process(target=_die, args=(url, kind, str(folder / "ledger.sqlite"), number, folder / "step"))
            child.start()
            child.join(60)
            if child.exitcode == 0:
                break
            assert child.exitcode == -signal.SIGKILL
            step = (folder / "step").read_text()
            until_done(courier(ledger, clock, channel), clock)
            shown = list(map(_shown, system.taken))
            assert all(any(f"about n{one:02d}" in message for message in shown) for one in range(count))
            assert len(shown) - len(set(shown if kind == "email" else (message["notice"]["key"] for message in system.taken))) == (step == "answered")
            steps.add(step)
        if count > 1 and number >= 6:                   # the steps repeat for each message
            break
    assert steps == {"recovered", "claimed", "answered", "recorded", *(["digested"] if count > 1 else [])}


def test_a_sender_on_another_machine_is_taken_for_dead_when_its_lease_ends_and_may_still_say_that_it_was_delivered(
    ledger: ledgers.Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch,
) -> None:
    promise(ledger, "first")
    with ledger.begin() as connection:
        (one,) = outbox.unfinished(connection)
    monkeypatch.setattr(outbox, "myself", lambda: "elsewhere:1:1")
    number = outbox.claim(ledger, one, now=clock.now, rates=[])
    assert number == 1
    assert outbox.recover(ledger, now=clock.now + timedelta(minutes=1), due=clock.now) == 0
    assert outbox.recover(ledger, now=clock.now + timedelta(minutes=16), due=clock.now + timedelta(minutes=18)) == 1
    assert states(ledger) == {("first", "it"): "unknown"}
    with ledger.begin() as connection:
        outbox.end_attempt(connection, one, number, at=clock.now, outcome="delivered", answer="ok", state="delivered")
    assert states(ledger) == {("first", "it"): "delivered"}


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_jumps_an_hour_delays_and_loses_nothing(ledger: ledgers.Ledger, clock: Clock, hours: int) -> None:
    promise(ledger, "first", "second")
    with VENDORS["wecom"].collector() as collector:
        collector.faults.extend(["limited", "silent, taken"])
        to = courier(ledger, clock, channel_of("wecom", collector.url))
        deliver.deliver_due(to)
        clock.now += timedelta(hours=hours)
        deliver.deliver_due(to)
        clock.now -= timedelta(hours=hours)
        until_done(to, clock, timedelta(hours=3))
    assert set(states(ledger).values()) == {"delivered"}


# ---- what cannot be

def test_a_bug_in_a_channel_leaves_no_message_in_the_middle_and_no_secret_in_the_ledger(ledger: ledgers.Ledger, clock: Clock) -> None:
    def broken(notice: Notice, options: Any, secrets: Mapping[str, str], now: datetime) -> Any:
        raise ValueError(secrets["url"])

    promise(ledger, "first")
    channel = channel_of("webhook", "http://127.0.0.1:9/Tok3n")
    deliver.deliver_due(courier(ledger, clock, replace(channel, kind=replace(channel.kind, send=broken))))
    with ledger.begin() as connection:
        row = connection.execute(sql.select(outbox.outbox)).one()
    assert (row.state, row.answer) == ("unknown", "ValueError while sending")


def test_messages_of_a_channel_that_is_configured_no_more_go_to_another(ledger: ledgers.Ledger, clock: Clock) -> None:
    promise(ledger, "first", channel="gone")
    with VENDORS["wecom"].collector() as collector:
        assert deliver.deliver_due(courier(ledger, clock)) == {}
        done = deliver.deliver_due(courier(ledger, clock, channel_of("wecom", collector.url)))
        assert (done["handed on"], done["delivered"]) == (1, 2)
        assert "the channel gone could not take it" in str(collector.taken)


def test_what_is_no_notice_is_said_and_holds_nobody_up(ledger: ledgers.Ledger, clock: Clock) -> None:
    with ledger.begin() as connection:
        outbox.put(connection, key="odd", channel="it", notice='{"title": 1}', at=START)
    promise(ledger, "first")
    with VENDORS["wecom"].collector() as collector:
        assert deliver.deliver_due(courier(ledger, clock, channel_of("wecom", collector.url))) == {"refused": 1, "delivered": 1}


def test_a_sender_that_never_gets_an_answer_stops_asking_often(ledger: ledgers.Ledger, clock: Clock) -> None:
    promise(ledger, "first")
    with VENDORS["webhook"].collector() as collector:
        collector.faults.extend(["500 taken"] * 50)
        to = courier(ledger, clock, channel_of("webhook", collector.url))
        for _ in range(288):
            deliver.deliver_due(to)
            clock.now += timedelta(minutes=5)
        assert len(collector.taken) <= 11                # in a day, with no other channel to turn to


# ---- threads

def slack_bot(url: str, name: str = "it") -> Channel:
    options = KINDS["slack"].options.model_validate({"token_env": "TOKEN", "channel": "C0123", "api": url})
    return Channel(name=name, kind=KINDS["slack"], language="en", options=options, secrets={"token": SECRET})


def slack_of_bots() -> Collector:
    return Collector(vendor=slack_method, limited=(200, {"ok": False, "error": "ratelimited"}), failing=(200, {"ok": False, "error": "fatal_error"}))


def threads_of(collector: Collector) -> list[tuple[str, str | None, bool | None]]:
    return [(message["text"].split()[1], message.get("thread_ts"), message.get("reply_broadcast")) for message in collector.taken]


def test_what_follows_of_an_alert_goes_into_the_thread_of_its_first_message(ledger: ledgers.Ledger, clock: Clock) -> None:
    with slack_of_bots() as collector:
        to = courier(ledger, clock, slack_bot(collector.url))
        for kind in ("firing", "reminder", "escalation", "resolved", "report"):
            for thread in ("late", "stock"):
                promise(ledger, f"{thread}/{kind}", at=clock.now, thread=thread, kind=kind)
            until_done(to, clock)
        late, stock = (outbox.thread_begun(ledger, channel="it", thread=thread).partition(":")[2] for thread in ("late", "stock"))
        assert late and stock and late != stock
        assert threads_of(collector) == [
            ("late/firing", None, None), ("stock/firing", None, None), ("late/reminder", late, True), ("stock/reminder", stock, True),
            ("late/escalation", late, True), ("stock/escalation", stock, True), ("late/resolved", late, False), ("stock/resolved", stock, False),
            ("late/report", None, None), ("stock/report", None, None)]


def test_a_thread_that_is_gone_or_of_another_channel_loses_no_message(ledger: ledgers.Ledger, clock: Clock) -> None:
    with slack_of_bots() as collector:
        to = courier(ledger, clock, slack_bot(collector.url))
        with ledger.begin() as connection:
            outbox.begin_thread(connection, channel="it", thread="deleted", posted="C0123:gone", at=START)
            outbox.begin_thread(connection, channel="it", thread="elsewhere", posted="C9:1.5", at=START)
        promise(ledger, "a", thread="deleted", kind="reminder")
        promise(ledger, "b", thread="elsewhere", kind="reminder")
        assert until_done(to, clock)["delivered"] == 2
        assert threads_of(collector) == [("a", None, None), ("b", None, None)]


def test_a_webhook_of_slack_knows_no_threads(ledger: ledgers.Ledger, clock: Clock) -> None:
    with VENDORS["slack"].collector() as collector:
        to = courier(ledger, clock, channel_of("slack", collector.url))
        for kind in ("firing", "resolved"):
            promise(ledger, kind, at=clock.now, thread="late", kind=kind)
            until_done(to, clock)
        assert threads_of(collector) == [("firing", None, None), ("resolved", None, None)]
        assert outbox.thread_begun(ledger, channel="it", thread="late") == ""


def _first_of_a_thread(path: str, url: str, number: int, notes: Path) -> None:
    ledger = ledgers.open_ledger(path)
    deliver.deliver_due(courier(ledger, Clock(), slack_bot(url), step=KillAt(number, notes)))


@pytest.mark.parametrize(("number", "step", "sent"), [(2, "claimed", 1), (3, "answered", 2), (4, "recorded", 1)])
def test_killed_at_any_step_of_the_first_message_the_next_finds_a_thread_that_is_there(
    tmp_path: Path, clock: Clock, number: int, step: str, sent: int,
) -> None:
    path = str(tmp_path / "ledger.sqlite")
    ledger = ledgers.open_ledger(path)
    promise(ledger, "first", thread="late", kind="firing")
    with slack_of_bots() as collector:
        child = spawn.Process(target=_first_of_a_thread, args=(path, collector.url, number, tmp_path / "step"))
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL and (tmp_path / "step").read_text() == step
        clock.now += timedelta(minutes=1)
        to = courier(ledger, clock, slack_bot(collector.url))
        until_done(to, clock)
        promise(ledger, "over", at=clock.now, thread="late", kind="resolved")
        until_done(to, clock)
        *firsts, (_, thread, _) = threads_of(collector)
        assert len(firsts) == sent and f"C0123:{thread}" == outbox.thread_begun(ledger, channel="it", thread="late")
