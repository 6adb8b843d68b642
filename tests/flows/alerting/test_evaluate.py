"""One evaluation against a real ledger and a published version: what it writes it writes whole, killed anywhere, twice, or by two at once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from flows.alerting import facts
from flows.alerting.evaluate import Evaluation, Setup, evaluate
from flows.alerting.notice import Notice, from_json
from flows.alerting.options import Alerts
from flows.store import alerts as store
from flows.store import leases, outbox
from flows.store import ledger as ledgers
from sandbox.databases import Database
from tests.flows.alerting import marts
from tests.flows.alerting.world import rule
from tests.flows.store.test_published_kills import KillAt

NOW = datetime(2026, 3, 5, 3, tzinfo=UTC)
RULES = {
    "late": rule(kpi="late_rate", above=0.10, repeat_every="1d", escalation=[{"after": "4h", "to": "boss"}], inhibited_by=["stale"]),
    "stale": rule("stale", kpi=None, above=None, missing="source", severity="critical"),
    "failed": rule("failed", kpi=None, above=None, missing="check", severity="critical"),
}
OPTIONS = Alerts.model_validate({"channels": {"warn": ["mail", "chat"], "act": ["chat"]}, "people": {
    "lead": {"name": "Mira Okafor", "agent": "mira"}, "boss": {"channels": ["boss_mail"]}}})
SETUP = Setup(rules=RULES, options=OPTIONS, languages={"mail": "en", "chat": "zh-CN", "boss_mail": "en"}, currency="EUR",
              link_of=lambda action, thread, channel, language: f"http://127.0.0.1/{action}/{channel}/{language}")
CALM, BAD = {"Umbra": [0.05] * 9, "Levante": [0.05] * 9}, {"Umbra": [0.05, 0.05, 0.30, 0.31], "Levante": [0.05, 0.05, 0.20, 0.05]}


def night(folder: Path, days: int, rates: Any, *, now: datetime | None = None, setup: Setup = SETUP, failed: tuple[dict[str, Any], ...] = (),
          step: Callable[[str], None] = lambda name: None, ledger: ledgers.Ledger | None = None, **rows: Any) -> Evaluation:
    """Publish the first `days` days and evaluate them on the morning after."""
    with marts.write(folder / f"{os.getpid()}.duckdb", days=days, rates=rates, **rows) as connection:
        return evaluate(ledger or ledgers.open_ledger(str(folder / "ledger.sqlite")), connection, setup, night=facts.Night(failed_checks=failed),
                        now=now or NOW + timedelta(days=days - 3), step=step)


def promised(folder: Path) -> list[tuple[str, Notice]]:
    with ledgers.open_ledger(str(folder / "ledger.sqlite")).begin() as connection:
        rows = connection.execute(sql.select(outbox.outbox).order_by(outbox.outbox.c.put_at, outbox.outbox.c.key, outbox.outbox.c.channel)).mappings()
        return [(row["channel"], from_json(row["notice"])) for row in rows]


def alerts(folder: Path) -> list[store.Alert]:
    with ledgers.open_ledger(str(folder / "ledger.sqlite")).begin() as connection:
        return list(store.told(connection).alerts)


def test_a_message_says_what_how_bad_why_what_to_do_and_whose_it_is(tmp_path: Path) -> None:
    drivers = [("late_rate", "week", "supplier", "Umbra", marts.FIRST, "previous", "lane", "rate", name, f"Lane {name}", f"线路 {name}", 0.1 - number / 50, 0.5, number)
               for number, name in enumerate("abcd", start=1)]
    night(tmp_path, 2, CALM)
    night(tmp_path, 3, BAD, kpi_drivers=drivers)
    (chat, chinese), (mail, english) = promised(tmp_path)
    assert (chat, mail) == ("chat", "mail")
    assert (english.kind, english.severity, english.title, chinese.title) == ("firing", "warning", "late happens: 2 of them", "late 发生：共 2 项")
    assert [(item.subject, item.text, item.trend) for item in english.items] == [
        ("Umbra", "30.0 % (30 of 100), target 10.0 %, since 2026-03-04", (0.05, 0.05, 0.30)),
        ("Levante", "20.0 % (20 of 100), target 10.0 %, since 2026-03-04", (0.05, 0.05, 0.20))]
    assert english.lead == "Late rate · limit > 10.0 % · since 2026-03-04 · Mira Okafor (lead) answers for it"
    assert english.why == ("Lane a: +8.0 points (50 %)", "Lane b: +6.0 points (50 %)", "Lane c: +4.0 points (50 %)") and chinese.why[0].startswith("线路 a")
    assert (english.steps, chinese.steps, english.owner) == (("Look.", "Act."), ("查看。", "处理。"), "Mira Okafor (lead)")
    assert [(link.text, link.url, link.is_action) for link in english.links] == [
        ("I have it", "http://127.0.0.1/acknowledge/mail/en", True), ("Silence for a week", "http://127.0.0.1/silence/mail/en", True)]
    assert english.footer == "2026-03-04.001 · late · meridian kpis late_rate --grain day --segment supplier"


def test_evaluated_twice_and_as_of_an_older_day_it_promises_nothing_more(tmp_path: Path) -> None:
    night(tmp_path, 2, CALM)
    first = night(tmp_path, 3, BAD)
    again, backfilled = night(tmp_path, 3, BAD, now=NOW + timedelta(hours=1)), night(tmp_path, 2, {"Umbra": [0.9, 0.9]}, now=NOW + timedelta(hours=2))
    assert (first.promised, again.promised, backfilled.promised, backfilled.is_past) == (2, 0, 0, True)
    assert len(promised(tmp_path)) == 2 and all(alert.is_open for alert in alerts(tmp_path))


def test_a_first_start_with_old_data_is_one_summary(tmp_path: Path) -> None:
    found = night(tmp_path, 3, BAD, setup=replace(SETUP, rules={**RULES, "other": rule("other", kpi="late_rate", above=0.01)}))
    assert [message.kind for message in found.messages] == ["summary"]
    (_, chinese), (_, english) = promised(tmp_path)
    assert english.title == "Alerts begin: 2 rules find 4 things that are so already" and "2 条规则发现 4 项" in chinese.title
    assert [item.subject for item in english.items] == ["late happens · Umbra", "late happens · Levante", "other happens · Umbra", "other happens · Levante"]
    assert night(tmp_path, 3, BAD).promised == 0


def test_a_summary_has_one_line_for_a_rule_that_finds_many(tmp_path: Path) -> None:
    night(tmp_path, 3, {f"S{number}": [0.3] * 3 for number in range(9)})
    _, (_, english) = promised(tmp_path)
    assert [(item.subject, item.text) for item in english.items] == [("late happens: 9 of them", "S0, S1, S2 and 6 more")]


def test_a_stale_source_is_told_and_freezes_the_rules_that_read_it(tmp_path: Path) -> None:
    night(tmp_path, 2, CALM)
    stale = [("erp", "tryton", "purchase_line", "2026-03-02 01:00:00", True, "refused our key")]
    found = night(tmp_path, 3, BAD, source_freshness=stale)
    assert [(message.kind, message.alerts[0].rule) for message in found.messages] == [("firing", "stale")]
    assert found.frozen == {"late": "erp/purchase_line is stale"}
    _, english = promised(tmp_path)[1]
    assert english.items[0].text == "1 streams, last read 2026-03-02 01:00: refused our key, since 2026-03-04"
    found = night(tmp_path, 4, BAD)
    assert [(message.kind, message.alerts[0].rule, message.alerts[0].label) for message in found.messages] == [("firing", "late", "Umbra"), ("resolved", "stale", "erp")]


def test_a_source_whose_bad_rows_become_more_is_told_with_how_many(tmp_path: Path) -> None:
    setup = replace(SETUP, rules={"slips": rule("slips", kpi=None, above=None, missing="sound_rows")})
    kept = [("erp", "order", "delivered_before_ordered", "Delivered before it was ordered", "送达早于下单", 9000, 30, 12, True),
            ("drop", "staff", "ended_before_begun", "Ends before it begins", "结束早于开始", 50, 1, 1, False)]
    night(tmp_path, 2, CALM, setup=setup)
    found = night(tmp_path, 3, CALM, setup=setup, quarantine_counts=kept)
    assert [(message.kind, [alert.label for alert in message.alerts]) for message in found.messages] == [("firing", ["erp/order: delivered_before_ordered"])]
    (_, chinese), (_, english) = promised(tmp_path)[-2:]
    assert english.items[0].text.startswith("Delivered before it was ordered: 12 new in a week, 30 of 9000 rows in quarantine")
    assert chinese.items[0].text.startswith("送达早于下单：一周新增 12 行，9000 行中隔离 30 行")


def test_a_failed_check_is_told_by_the_rule_of_its_severity(tmp_path: Path) -> None:
    checks = tuple({"subject": "kpis", "check": f"rows {severity}", "severity": severity, "observed": "3", "expected": "9"} for severity in ("critical", "warning"))
    night(tmp_path, 2, CALM)
    found = night(tmp_path, 2, CALM, failed=checks)
    assert [(message.kind, [alert.label for alert in message.alerts]) for message in found.messages] == [("firing", ["kpis: rows critical"])]


def test_what_is_not_published_is_said_and_stops_nobody(tmp_path: Path) -> None:
    setup = replace(SETUP, rules={
        **RULES, "none": rule("none", kpi="nps"), "work": rule("work", kpi=None, above=None, worklist_not_empty="late_suppliers"),
        "chart": rule("chart", kpi="revenue", above=None, out_of_control=True), "shop": rule("shop", kpi="late_rate", segments=["shop"])})
    found = night(tmp_path, 3, BAD, setup=setup, without=("worklists", "kpi_signals", "kpi_drivers", "fct_shifts"))
    assert found.unjudged == {
        "none": "nps is not published here: no source tells it", "work": "no table worklists is published", "chart": "no table kpi_signals is published",
        "shop": "late_rate is not published by day and shop"}
    assert found.promised == 2


def test_signals_and_worklists_are_told_with_their_evidence(tmp_path: Path) -> None:
    setup = replace(SETUP, rules={
        "work": rule("work", kpi=None, above=None, worklist_not_empty="uncovered"), "chart": rule("chart", kpi="revenue", segments=["all"], above=None, out_of_control=True)})
    work = [("uncovered", f"w{number}", f"Sunday {number}", f"{number} h", f"{number} 小时", "lead", None, "act" if number < 3 else "inform", 4.0, 0.0, marts.FIRST) for number in (1, 2, 3)]
    signals = [("revenue", "day", "all", "all", marts.FIRST + timedelta(days=day), marts.FIRST + timedelta(days=day), 50.0, 100.0, day == 2, day == 2) for day in range(3)]
    night(tmp_path, 2, CALM, setup=setup, kpi_signals=signals[:2], worklists=[("other", "o", "o", "", "", "", None, "act", 0.0, 0.0, marts.FIRST), *work[:1]])
    found = night(tmp_path, 3, CALM, setup=setup, kpi_signals=signals, worklists=work)
    assert {(message.kind, message.alerts[0].rule, message.alerts[0].label) for message in found.messages} == {("firing", "chart", "all"), ("firing", "work", "Sunday 2")}
    english = {notice.title: notice for channel, notice in promised(tmp_path) if channel == "mail"}
    assert english["work happens: Sunday 2"].items[0].text == "2 h, since 2026-03-04"
    assert english["chart happens (50 EUR)"].items[0].text == "50 EUR, expected 100 EUR, since 2026-03-04"


def test_an_escalation_goes_to_whom_it_climbs_as_well_and_an_acknowledgement_of_the_message_ends_it(tmp_path: Path) -> None:
    night(tmp_path, 2, CALM)
    night(tmp_path, 3, BAD)
    climbed = night(tmp_path, 3, BAD, now=NOW + timedelta(hours=4))
    assert (climbed.messages[0].kind, climbed.messages[0].to, climbed.promised) == ("escalation", "boss", 3)
    assert {channel for channel, notice in promised(tmp_path) if notice.kind == "escalation"} == {"mail", "chat", "boss_mail"}
    ledger = ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))
    with ledger.begin() as connection:
        taken = store.acknowledge(connection, climbed.messages[0].thread, by="mira", at=NOW + timedelta(hours=5), note="calling them")
    assert len(taken) == 2 and night(tmp_path, 3, BAD, now=NOW + timedelta(days=3)).promised == 0
    with ledger.begin() as connection:
        assert [(row["what"], row["by"]) for row in store.history(connection, taken[0])] == [
            ("firing", "meridian"), ("escalation", "meridian"), ("acknowledged", "mira")]


def test_it_climbs_in_the_shift_that_the_published_roster_gives_its_owner(tmp_path: Path) -> None:
    night(tmp_path, 2, CALM)
    shifts = [("mira", "Supply", "UTC", "2026-03-05 08:00:00", "2026-03-05 16:00:00"), ("ben", "Supply", "UTC", "2026-03-05 00:00:00", "2026-03-05 08:00:00")]
    night(tmp_path, 3, BAD, fct_shifts=shifts)
    assert {(step.to, step.due_at, step.why) for alert in alerts(tmp_path) for step in alert.ladder} == {
        ("boss", datetime(2026, 3, 5, 12, tzinfo=UTC), "lead: in their shift")}


def test_silences_have_a_reason_an_end_and_a_limit(tmp_path: Path) -> None:
    ledger = ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))
    for reason, lasts, said in (("", 1, "needs a reason"), ("moving", 31, "30 days at most"), ("moving", -1, "ends after it begins")):
        with pytest.raises(store.NotAllowed, match=said), ledger.begin() as connection:
            store.silence(connection, rule="late", segment=None, reason=reason, by="mira", at=NOW, until=NOW + timedelta(days=lasts))
    night(tmp_path, 2, CALM)
    with ledger.begin() as connection:
        made = store.silence(connection, rule="late", segment="Umbra", reason="moving", by="mira", at=NOW - timedelta(hours=1), until=NOW + timedelta(days=1))
    found = night(tmp_path, 3, BAD)
    assert [[alert.label for alert in message.alerts] for message in found.messages] == [["Levante"]]
    assert list(found.held.values()) == ["silenced until 2026-03-06 03:00 by mira: moving"]
    with ledger.begin() as connection:
        store.lift(connection, made.silence, by="mira", at=NOW + timedelta(hours=1))
    assert [alert.label for alert in night(tmp_path, 3, BAD, now=NOW + timedelta(hours=2)).messages[0].alerts] == ["Umbra"]


def test_an_alert_that_is_not_open_cannot_be_acknowledged_and_the_error_names_those_that_are(tmp_path: Path) -> None:
    night(tmp_path, 2, CALM)
    night(tmp_path, 3, BAD)
    ledger = ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))
    with pytest.raises(store.NoSuchAlert, match="open are: late/supplier/Levante/2026-03-04"), ledger.begin() as connection:
        store.acknowledge(connection, "nothing", by="mira", at=NOW)


def test_where_no_channel_is_named_the_first_one_hears(tmp_path: Path) -> None:
    setup = replace(SETUP, options=Alerts(), languages={"mail": "zh-CN", "chat": "en"})
    night(tmp_path, 2, CALM, setup=setup)
    night(tmp_path, 3, BAD, setup=setup)
    assert [(channel, notice.language) for channel, notice in promised(tmp_path)] == [("mail", "zh-CN")]
    night(tmp_path, 4, BAD, setup=replace(setup, languages={}), now=NOW + timedelta(days=9))
    assert len(promised(tmp_path)) == 1


def test_an_alert_that_fires_unheard_is_found(tmp_path: Path) -> None:
    """No channel is configured for its tier, or all refused it."""
    night(tmp_path, 2, CALM)
    night(tmp_path, 3, BAD)
    ledger = ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))
    with ledger.begin() as connection:
        assert store.unheard(connection, NOW) == []
        connection.execute(sql.update(outbox.outbox).values(state="refused"))
        assert store.unheard(connection, NOW) == [
            f"late/supplier/{supplier}/2026-03-04 has fired since 2026-03-05T03:00 UTC, and no channel has it" for supplier in ("Levante", "Umbra")]


def test_a_ledger_on_postgresql_tells_the_same(tmp_path: Path, postgres_server: Database) -> None:
    def lived(ledger: ledgers.Ledger) -> list[object]:
        said: list[object] = [night(tmp_path, 2, CALM, ledger=ledger).promised]
        said += [night(tmp_path, 3, BAD, ledger=ledger, now=NOW + timedelta(hours=hours)).promised for hours in (0, 1, 4)]
        with ledger.begin() as connection:
            (thread,) = {alert.group for alert in store.told(connection).alerts}
            said += store.acknowledge(connection, thread, by="mira", at=NOW + timedelta(hours=5))
            made = store.silence(connection, rule="late", segment="Umbra", reason="moving", by="mira", at=NOW, until=NOW + timedelta(days=1))
            store.lift(connection, made.silence, by="mira", at=NOW + timedelta(hours=1))
        said.append(night(tmp_path, 4, BAD, ledger=ledger).promised)
        with ledger.begin() as connection:
            rows = connection.execute(sql.select(outbox.outbox).order_by(outbox.outbox.c.key, outbox.outbox.c.channel)).mappings()
            said += [tuple(row.values()) for row in rows]
            return [*said, *sorted(store.told(connection).alerts, key=lambda alert: alert.alert), *store.unheard(connection, NOW)]

    url = postgres_server.another("alerts").url.replace("postgresql://", "postgresql+pg8000://")
    on_sqlite, on_postgresql = lived(ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))), lived(ledgers.open_ledger(url))
    assert on_postgresql == on_sqlite and on_sqlite[:4] == [0, 2, 0, 3]


def is_waiting(ledger: ledgers.Ledger) -> bool:
    with sql.create_engine(ledger.url).connect() as connection:         # not one of the ledger's, which would wait as well
        return connection.execute(sql.text("select 1 from pg_stat_activity where wait_event_type = 'Lock'")).first() is not None


def waits(ready: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_two_that_take_the_lease_at_the_same_moment_on_postgresql_are_told_apart(tmp_path: Path, postgres_server: Database) -> None:
    """The second one waits for the first one's commit, and finds the place taken."""
    ledger = ledgers.open_ledger(postgres_server.another("races").url.replace("postgresql://", "postgresql+pg8000://"))
    with ThreadPoolExecutor(1) as other, ledger.connect() as first:
        first.execute(sql.insert(leases.leases).values(name="alerts", owner="elsewhere:1:2", purpose="x", taken_at="", expires_at="2100"))
        second = other.submit(night, tmp_path, 2, CALM, ledger=ledger)
        try:
            waits(lambda: is_waiting(ledger))
        finally:
            first.commit()
        with pytest.raises(leases.LeaseTaken, match="has held 'alerts'"):
            second.result(60)


# What kills, and what races.

fork = get_context("fork")


def _dying_night(folder: Path, number: int, notes: Path) -> None:
    night(folder, 3, BAD, step=KillAt(number, notes))


def test_killed_behind_any_step_nothing_is_lost_and_nothing_is_promised_twice(tmp_path: Path) -> None:
    steps, whole = [], None
    for number in range(1, 40):
        folder, notes = tmp_path / str(number), tmp_path / f"{number}.txt"
        folder.mkdir()
        night(folder, 2, CALM)
        child = fork.Process(target=_dying_night, args=(folder, number, notes))
        child.start()
        child.join(60)
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        steps.append(notes.read_text())
        after_death = len(promised(folder)), len(alerts(folder))
        assert after_death in ((0, 0), (2, 2)), (notes.read_text(), after_death)        # all of it, or nothing
        night(folder, 3, BAD, now=NOW + timedelta(minutes=15))                         # the dead one's lease is in nobody's way
        found = [(channel, notice.key, notice.items) for channel, notice in promised(folder)], [(alert.alert, alert.times_told) for alert in alerts(folder)]
        whole = whole or found
        assert found == whole
    assert steps == ["read", "locked", "saved", "put firing", "put firing", "promised"]
    assert whole is not None and len(whole[0]) == len(whole[1]) == 2


def _one_of_two(folder: Path, start: Any, result: Any) -> None:
    start.wait(30)
    try:
        result.put(night(folder, 3, BAD).promised)
    except leases.LeaseTaken:
        result.put("refused")


def test_of_two_at_once_one_tells_and_the_other_is_refused_or_finds_nothing_left(tmp_path: Path) -> None:
    night(tmp_path, 2, CALM)
    start, result = fork.Barrier(2), fork.Queue()
    both = [fork.Process(target=_one_of_two, args=(tmp_path, start, result)) for _ in range(2)]
    for one in both:
        one.start()
    said = [str(result.get(timeout=60)) for _ in both]
    for one in both:
        one.join(30)
    assert said.count("2") == 1 and set(said) - {"2"} <= {"0", "refused"} and len(promised(tmp_path)) == 2


def test_one_that_slept_past_its_lease_writes_nothing(tmp_path: Path) -> None:
    night(tmp_path, 2, CALM)
    ledger = ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))

    def another_comes(name: str) -> None:
        if name == "read":
            with ledger.begin() as connection:
                connection.execute(sql.update(leases.leases).where(leases.leases.c.name == "alerts").values(owner="elsewhere:1:2"))

    with pytest.raises(leases.LeaseTaken, match="nothing was written"):
        night(tmp_path, 3, BAD, step=another_comes)
    assert promised(tmp_path) == [] and alerts(tmp_path) == []
