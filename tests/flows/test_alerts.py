"""Alerts as a person meets them: behind a real night, and at the terminal."""

from __future__ import annotations

import shutil

from flows.store import alerts as store
from flows.store import ledger as ledgers
from tests.flows.conftest import Company
from tests.flows.nights import second_day


def test_a_night_tells_what_is_wrong_and_no_wrong_rule_stops_it(lived_company: Company) -> None:
    """The first night was the first start; in the second a source is gone, and somebody has written a rule that nobody understands."""
    (lived_company.folder / "alerts").mkdir()
    (lived_company.folder / "alerts" / "channel_roi.yml").write_text("titel: Channels\n", encoding="utf-8")
    shutil.rmtree(lived_company.folder / "costs")
    second_day(lived_company)
    night = lived_company.run("nightly")
    assert night.returncode == 0, night.stdout + night.stderr
    said = night.stdout + night.stderr
    assert "firing source_stale" in said and "titel is no key of a rule; did you mean 'title'?" in said

    listed = lived_company.run("alerts", "list").stdout
    assert "Source is stale: costs" in listed and "no channel is configured" in listed and "PROBLEM" in listed
    assert "frozen: budget_overrun: costs/budgets is stale" in listed and "supplier_late_rate is not published here: no source tells it" in listed
    assert "数据源未更新: costs" in lived_company.run("alerts", "list", "--lang", "zh-CN").stdout

    assert lived_company.run("alerts", "ack", "source_stale/source/costs/2026-03-01").returncode == 1
    taken = lived_company.run("alerts", "ack", "source_stale/source/costs/2026-03-02", "--by", "mira", "--note", "the disk is unmounted")
    assert taken.stdout == "acknowledged: source_stale/source/costs/2026-03-02\n", taken.stderr
    shown = lived_company.run("alerts", "show", "source_stale").stdout
    assert "acknowledged by mira: the disk is unmounted" in shown and "operations_lead" in shown and "1. Read what the source said" in shown

    assert "a silence needs a reason" in lived_company.run("alerts", "silence", "source_stale").stderr
    assert "did you mean 'source_stale'?" in lived_company.run("alerts", "silence", "source_stal", "--why", "x").stderr
    assert "quiet until 2026-03-05" in lived_company.run("alerts", "silence", "source_stale", "--why", "moving", "--for", "2d").stdout

    replayed = lived_company.run("alerts", "replay", "--days", "20").stdout
    assert "2026-02-11 to 2026-03-02, as published in 2026-03-02.001" in replayed and "customer_satisfaction" in replayed
    tested = lived_company.run("alerts", "test-rule", "supplier_late_rate")
    assert (tested.returncode, tested.stdout) == (0, "ok   supplier_late_rate: 2 tests\n")
    assert lived_company.run("alerts", "test-rule").returncode == 1

    checked = lived_company.run("alerts", "check")
    assert checked.returncode == 1 and "nothing new to tell" in checked.stdout
    with ledgers.open_ledger(lived_company.settings().ledger).begin() as connection:
        assert [alert.rule for alert in store.told(connection).alerts if alert.is_open] == ["source_stale"]
