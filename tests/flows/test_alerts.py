"""Alerts as a person meets them: behind a real night, and at the terminal."""

from __future__ import annotations

import os
import re
import shutil

from click.testing import Result
from typer.testing import CliRunner

from flows import alerts, freshness, up
from flows.cli import app
from flows.store import alerts as store
from flows.store import ledger as ledgers
from tests.flows import warm
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
    def meridian(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["alerts", *arguments, "--config", str(lived_company.config)], catch_exceptions=False)

    assert "no alert" in meridian("ack", "source_stale/source/costs/2026-03-01").output
    taken = meridian("ack", "source_stale/source/costs/2026-03-02", "--by", "mira", "--note", "the disk is unmounted")
    assert (taken.exit_code, taken.output) == (0, "acknowledged: source_stale/source/costs/2026-03-02\n")
    assert "数据源未更新: costs" in meridian("list", "--lang", "zh-CN").output
    shown = meridian("show", "source_stale").output
    assert "acknowledged by mira: the disk is unmounted" in shown and "operations_lead" in shown and "1. Read what the source said" in shown

    assert "a silence needs a reason" in meridian("silence", "source_stale").output
    assert "did you mean 'source_stale'?" in meridian("silence", "source_stal", "--why", "x").output
    made = meridian("silence", "source_stale", "--why", "moving", "--for", "2d").output
    assert "quiet until 2026-03-05" in made and "is lifted" in meridian("silence", "--lift", made.split(":")[0]).output

    replayed = meridian("replay", "--days", "20").output
    assert "2026-02-11 to 2026-03-02, as published in 2026-03-02.001" in replayed and "revenue_falls" in replayed
    # what is only known as it is, is known of the days whose versions are kept
    alone = meridian("replay", "source_stale", "--days", "20").output
    assert re.search(r"source_stale\* +act +1 +– +1 +–", alone) and "costs: beyond it since 2026-03-02, fired 2026-03-02, open" in alone
    assert "as the kept versions of 2 days told it, 2026-03-01 to 2026-03-02" in alone
    tested = meridian("test-rule", "supplier_late_rate")
    assert (tested.exit_code, tested.output) == (0, "ok   supplier_late_rate: 2 tests\n")
    assert meridian("test-rule").exit_code == 1 and "did you mean 'channel_roi'?" in meridian("test-rule", "channel_roy").output

    flow = warm.run(f"from flows.alert import alert\nstate = alert(config={str(lived_company.config)!r}, return_state=True)\nprint(state.name, state.message)", [],
                    {**os.environ, **up.QUIET, "PREFECT_API_URL": lived_company.api})
    assert "Wrong rules alerts as of 2026-03-02: nothing new to tell" in flow.stdout, flow.stderr

    checked = meridian("check")
    assert checked.exit_code == 1 and "nothing new to tell" in checked.output
    settings = lived_company.settings()
    ledger = ledgers.open_ledger(settings.ledger)
    published = {row[1]: row for row in freshness.alerts_told(ledger, alerts.load_rules(settings).rules)}
    assert published["source_stale"][2:10] == ("Source is stale", "数据源未更新", None, "act", "data_lead", "critical", "source", "costs")
    assert published["source_stale"][14].tzinfo is None and published["source_stale"][15:] == (None, None), "somebody has it, and it goes on"
    with ledger.begin() as connection:
        assert [alert.rule for alert in store.told(connection).alerts if alert.is_open] == ["source_stale"]
