"""From a published number to a person who has it: judged, promised, sent over a real connection, pressed, and never told again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flows import channels, clicks
from flows.alerting import auditor
from flows.alerting.clicks import look, press
from flows.settings import Settings, load
from flows.store import alerts as store
from flows.store import audit
from flows.store import ledger as ledgers
from tests.flows.alerting.stand_ins import SECRET, VENDORS, Collector
from tests.flows.alerting.test_deliver import Clock, channel_of, courier, until_done
from tests.flows.alerting.test_evaluate import BAD, CALM, NOW, SETUP, night
from tests.flows.alerting.world import rule

KEY = "5eed" * 16


def settings_at(folder: Path) -> Settings:
    (folder / "meridian.toml").write_text('[company]\nname = "Shop"\n[state]\nhome = "."\n[channels.mail]\nkind = "webhook"\nurl_env = "URL"\nsecret_env = "SECRET"\n')
    return replace(load(folder / "meridian.toml", environment={"MERIDIAN_LINK_KEY": KEY, "SECRET": SECRET}), clock=lambda: NOW)


@pytest.fixture
def told(tmp_path: Path) -> tuple[Settings, ledgers.Ledger, Collector]:
    """Two late suppliers were told of in one message, which somebody has."""
    settings = settings_at(tmp_path)
    setup = replace(SETUP, link_of=channels.link_writer(settings), languages={"mail": "en"}, options=SETUP.options.model_copy(update={"channels": {"warn": ("mail",)}}),
                    rules={"late": rule(kpi="late_rate", above=0.10, repeat_every="1d")})
    night(tmp_path, 2, CALM, setup=setup)
    night(tmp_path, 3, BAD, setup=setup)
    ledger, clock = ledgers.open_ledger(settings.ledger), Clock(NOW)
    with VENDORS["webhook"].collector() as collector:
        until_done(courier(ledger, clock, channel_of("webhook", collector.url, "mail")), clock)
    return settings, ledger, collector


def token(collector: Collector, number: int) -> str:
    (message,) = collector.taken
    return str(message["notice"]["links"][number]["url"].rsplit("/", 1)[1])


def test_who_presses_acknowledge_has_all_that_the_message_told_of(told: tuple[Settings, ledgers.Ledger, Collector]) -> None:
    settings, ledger, collector = told
    actions = clicks.actions(settings)
    page = look(ledger, actions, KEY, token(collector, 0), NOW)
    assert (page.state, page.about) == ("open", "late: Levante; late: Umbra")
    answer = press(ledger, actions, KEY, token(collector, 0), name="Mira", address="127.0.0.1", now=NOW + timedelta(hours=1))
    assert (answer.state, answer.said) == ("done", "2 acknowledged: Mira (mail) has it.")
    with ledger.begin() as connection:
        assert {alert.acknowledged_by for alert in store.told(connection).alerts} == {"Mira (mail)"}
        assert audit.verify(connection).rows == 1
        assert auditor.examine(connection, now=NOW, overdue=timedelta(minutes=30), channels={"mail"}, more=[store.unheard]) == []


def test_who_presses_silence_hears_nothing_of_these_for_a_week(told: tuple[Settings, ledgers.Ledger, Collector]) -> None:
    settings, ledger, collector = told
    answer = press(ledger, clicks.actions(settings), KEY, token(collector, 1), name="", address="127.0.0.1", now=NOW)
    assert (answer.state, answer.said) == ("done", f"Quiet until {NOW + timedelta(days=7):%Y-%m-%d %H:%M} UTC.")
    with ledger.begin() as connection:
        assert {(one.rule, one.segment, one.by) for one in store.told(connection).silences} == {("late", "Umbra", "mail"), ("late", "Levante", "mail")}


def test_what_is_over_cannot_be_taken(told: tuple[Settings, ledgers.Ledger, Collector]) -> None:
    settings, ledger, collector = told
    with ledger.begin() as connection:
        store.save(connection, [replace(alert, resolved_on=NOW.date(), resolved_at=NOW, resolution="cleared") for alert in store.told(connection).alerts])
    assert press(ledger, clicks.actions(settings), KEY, token(collector, 0), name="", address="", now=NOW).state == "gone"
