"""Late marts are told of once a day, keep the dead man's switch quiet, and show where machines look: /healthz and /metrics of `meridian serve`."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import sqlalchemy as sql
from prometheus_client.parser import text_string_to_metric_families

from flows import lateness, metrics, serve
from flows import watch as watching
from flows.alerting import endpoint, links
from flows.settings import PROJECT, ConfigurationError, Settings, load, parse
from flows.store import ledger as ledgers
from flows.store import outbox, published
from tests.flows.alerting.stand_ins import SECRET
from tests.flows.alerting.test_watch import KEY, switch
from tests.flows.conftest import Company

BEFORE, AFTER = datetime(2026, 3, 2, 4, 59, tzinfo=UTC), datetime(2026, 3, 2, 5, 0, tzinfo=UTC)      # 06:00 in Berlin


def settings_at(folder: Path, now: datetime, more: str = "") -> Settings:
    (folder / "meridian.toml").write_text(f'''[company]
name = "Shop"
time_zone = "Europe/Berlin"
languages = ["en", "zh-CN"]
[state]
home = "state"
[night]
published_by = "06:00"
[channels.first]
kind = "feishu"
url_env = "URL"
secret_env = "SECRET"
[channels.duty]
kind = "feishu"
language = "zh-CN"
url_env = "URL"
secret_env = "SECRET"
{more}''', encoding="utf-8")
    environment = {"URL": "https://127.0.0.1:1/", "SECRET": SECRET, links.KEY_VARIABLE: KEY, "SWITCH": "", "METRICS": "m" * 32}
    return replace(load(folder / "meridian.toml", environment=environment), clock=lambda: now)


def promised(settings: Settings) -> dict[tuple[str, str], str]:
    with ledgers.open_ledger(settings.ledger).begin() as connection:
        return {(key, channel): json.loads(notice)["title"] for key, channel, notice in connection.execute(
            sql.select(outbox.outbox.c.key, outbox.outbox.c.channel, outbox.outbox.c.notice))}


def publish(settings: Settings, as_of: str) -> None:
    """A version by its name and day alone: lateness asks for nothing else."""
    folder = settings.published / "versions" / f"{as_of}.001"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({
        "as_of": as_of, "built_at": f"{as_of}T23:00:00+00:00", "published_at": f"{as_of}T23:00:00+00:00", "code_revision": "x", "tables": {}}))
    current = settings.published / "current"
    current.unlink(missing_ok=True)
    current.symlink_to(f"versions/{as_of}.001")
    assert published.current_name(settings.published) == f"{as_of}.001"


def test_late_marts_are_told_of_once_a_day_to_the_channels_that_are_to_hear_and_that_they_came(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, BEFORE, '[watch]\nlate_to = ["duty", "first"]\n')
    ledger = ledgers.open_ledger(settings.ledger)
    publish(settings, "2026-02-28")
    assert lateness.promise(settings, ledger) == 0 and promised(settings) == {}
    late = replace(settings, clock=lambda: AFTER)
    assert [lateness.promise(late, ledger) for _ in range(3)] == [2, 0, 0]
    assert promised(settings) == {("late marts/2026-03-01", "duty"): "Shop: 数据迟到：2026-03-01", ("late marts/2026-03-01", "first"): "Shop: The marts are late: 2026-03-01"}
    tomorrow = replace(settings, clock=lambda: AFTER + timedelta(days=1))
    assert lateness.promise(tomorrow, ledger) == 2 and len(promised(settings)) == 4
    publish(settings, "2026-03-02")
    assert [lateness.promise(tomorrow, ledger) for _ in range(2)] == [2, 0]
    assert promised(settings)["late marts/2026-03-02/published", "first"] == "Shop: The marts are there: 2026-03-02"


def test_without_late_to_the_first_channel_hears_and_without_a_promise_nobody(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, AFTER)
    assert lateness.promise(settings, ledgers.open_ledger(settings.ledger)) == 1 and {channel for _, channel in promised(settings)} == {"first"}
    free = replace(settings, configuration=settings.configuration.model_copy(update={"night": settings.configuration.night.model_copy(update={"published_by": None})}))
    assert lateness.late(free, AFTER) is None


def test_a_channel_that_is_not_there_is_named_with_its_line(tmp_path: Path) -> None:
    text = '[company]\nname = "S"\n[channels.duty]\nkind = "feishu"\nurl_env = "U"\nsecret_env = "S"\n[watch]\nlate_to = ["dut"]\n'
    with pytest.raises(ConfigurationError) as error:
        parse(text, Path("m.toml"))
    assert str(error.value) == "m.toml:8: watch.late_to names 'dut', which is no channel; did you mean 'duty'?"


def test_while_marts_are_late_the_dead_mans_switch_hears_nothing(tmp_path: Path) -> None:
    with switch() as (url, heard):
        settings = settings_at(tmp_path, AFTER, '[watch]\nurl_env = "SWITCH"\n')
        settings = replace(settings, secrets={**settings.secrets, "SWITCH": url})
        ledger = ledgers.open_ledger(settings.ledger)
        late = watching.watch(settings, ledger, more=[lambda connection, now: lateness.findings(settings, now)])
        assert late.findings == ("marts are late: 2026-03-01 should have been published by 06:00; readers have nothing",) and not heard
        publish(settings, "2026-03-01")
        assert watching.watch(settings, ledger, more=[lambda connection, now: lateness.findings(settings, now)]).switch == "told" and len(heard) == 1


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    server = serve.server_of(serve.make_app(settings, {}), "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_readiness_is_told_honestly(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, AFTER)
    now = [BEFORE]
    settings = replace(settings, clock=lambda: now[0])
    with served(settings) as url:
        unready = requests.get(f"{url}/healthz", timeout=10)
        assert (unready.status_code, unready.text) == (503, "2026-03-01 should have been published by 06:00; readers have nothing\n"), "there is nothing to read at all"
        publish(settings, "2026-02-28")
        assert (requests.get(f"{url}/healthz", timeout=10).status_code, requests.get(f"{url}/health", timeout=10).text) == (200, "ok\n")
        now[0] = AFTER
        late = requests.get(f"{url}/healthz", timeout=10)
        assert (late.status_code, late.text) == (503, "2026-03-01 should have been published by 06:00; readers have 2026-02-28\n")
        publish(settings, "2026-03-01")
        assert requests.get(f"{url}/healthz", timeout=10).text == "ready\n"
        for file in settings.home.glob("ledger.sqlite*"):
            file.unlink()
        (settings.home / "ledger.sqlite").write_bytes(b"this is no database" * 100)
        lost = requests.get(f"{url}/healthz", timeout=10)
        assert lost.status_code == 503 and lost.text.startswith("the ledger cannot be reached: "), lost.text


def test_metrics_are_for_who_brings_the_token_or_for_this_machine_alone(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, AFTER)
    with served(settings) as url:
        assert requests.get(f"{url}/metrics", timeout=30).status_code == 200
        for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
            assert requests.get(f"{url}/metrics", headers={header: "127.0.0.1"}, timeout=10).status_code == 404, "handed on by a proxy"
        assert requests.post(f"{url}/metrics", timeout=10).status_code == 404
        assert requests.get(f"{url}/healthz", timeout=10).headers["Content-Security-Policy"] == endpoint.HEADERS["Content-Security-Policy"]
    protected = settings_at(tmp_path, AFTER, '[serve]\nmetrics_token_env = "METRICS"\n')
    with served(protected) as url:
        assert requests.get(f"{url}/metrics", timeout=10).status_code == 404
        assert requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {'m' * 31}"}, timeout=10).status_code == 404
        assert requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {'m' * 32}", "X-Forwarded-For": "10.0.0.1"}, timeout=30).status_code == 200
    with pytest.raises(links.BadKey, match="METRICS is not set"):
        serve.make_app(replace(protected, secrets={links.KEY_VARIABLE: KEY}), {})


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    asked = set(re.findall(r"meridian_\w+", " ".join(target["expr"] for panel in json.loads((PROJECT / "docs" / "grafana.json").read_text())["panels"]
                                                     for target in panel["targets"])))
    there = {f"meridian_{name}" for name in re.findall(r'gauge\("(\w+)"', Path(metrics.__file__).read_text(encoding="utf-8"))}
    assert len(asked) > 12 and asked <= there, asked - there


def test_what_metrics_say_is_what_happened(lived_company: Company) -> None:
    company = lived_company
    settings = company.settings()
    ledger = ledgers.open_ledger(settings.ledger)
    with ledger.begin() as connection:
        outbox.put(connection, key="k", channel='a "channel"', notice="{}", at=settings.clock())
    told: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(metrics.text(settings, ledger).decode()):
        assert family.type == "gauge" and family.documentation, family.name
        for sample in family.samples:
            told[(sample.name.removeprefix("meridian_"), *sample.labels.values())] = sample.value
    (night,) = company.nights()
    ended = ledgers.instant(night["ended_at"])
    began = ledgers.instant(night["started_at"])
    assert ended is not None and began is not None
    assert told["last_good_night_timestamp_seconds",] == pytest.approx(ended.timestamp()) and told["last_night_seconds",] == pytest.approx((ended - began).total_seconds())
    assert told["last_night_state", "published"] == 1 and told["failed_nights",] == 0 and told["ready",] == 1 and told["marts_late",] == 0
    assert told["stream_rows", "drop", "tickets"] == 59 and told["stream_failed", "drop", "tickets"] == 0 and 0 <= told["stream_lag_seconds", "drop", "orders"] < 86_400
    assert told['outbox_messages', 'a "channel"', "waiting"] == 1 and told["intents", "unknown"] == 0 and told["lease_held", "night"] == 0
    assert told["disk_bytes", "landing"] > 1000 and told["disk_bytes", "warehouse"] > 1e6 and told["disk_free_bytes",] > 0
    assert told["marts_as_of_timestamp_seconds",] == datetime(2026, 2, 28, 23, tzinfo=UTC).timestamp()
    assert set(told["last_night_step_seconds", step] > 0 for step in ("ingest", "build", "check and publish")) == {True}
