"""The shipped playbook, from a published list to an order in the partner's portal: the real engine, a real Chromium."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from flows import automations, cli
from flows.settings import load
from flows.store import ledger as ledgers
from flows.store import proposals, published
from tests.browser import install_browser
from tests.flows.automation.robots.dealer import NOW, PASSWORD, USER, Dealer, dealer

COLUMNS = """worklist varchar, work_key varchar, subject varchar, evidence_en varchar, evidence_zh varchar, owner varchar, due_at timestamp, severity varchar,
    value double, threshold double, order_id varchar, partner varchar, reference varchar, customer_number varchar, requested_on date, lines varchar, as_of date"""


def configured(portal: Dealer) -> Path:
    (portal.folder / "clock").write_text(f"{NOW.isoformat()} {datetime.now(UTC).isoformat()}\n")
    config = portal.folder / "meridian.toml"
    config.write_text(f'''
[company]
name = "Shop"
[state]
home = "."
[night]
clock_file = "clock"
[automations.targets.partner]
kind = "portal"
url = "{portal.url}"
evidence = "failures"
[automations.playbooks.order_rekeying]
mode = "approve"
''')
    return config


def test_agreed_to_an_order_is_entered_once_and_what_the_portal_refuses_is_handed_over_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_browser()
    monkeypatch.setenv("MERIDIAN_PARTNER_USER", USER)
    monkeypatch.setenv("MERIDIAN_PARTNER_PASSWORD", PASSWORD)
    with dealer(tmp_path) as portal:
        config = configured(portal)
        settings = load(config)
        with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
            connection.execute(f"create table worklist_orders_to_rekey ({COLUMNS})")
            for number, wanted_on in ((1, date(2026, 11, 9)), (2, date(2026, 10, 31))):
                connection.execute("insert into worklist_orders_to_rekey values ('orders_to_rekey', ?, ?, 'not in the portal', '尚未录入', 'fulfilment_lead', ?, 'warn', 3, 1, ?, "
                                   "'Kolmar', ?, 'C00017', ?, '[{\"item\":\"K-100\",\"pieces\":\"2\"}]', ?)",
                                   [f"orders_to_rekey/Kolmar/{number}", f"SO-{number}", NOW.replace(tzinfo=None), f"erp:{number}", f"SO-{number}", wanted_on, date(2026, 11, 1)])
        made = published.prepare(settings.published, tmp_path / "warehouse.duckdb", version=published.next_version(settings.published, date(2026, 11, 1)),
                                 as_of=date(2026, 11, 1), built_at=NOW, tables=[published.Table(name="worklist_orders_to_rekey", relation="worklist_orders_to_rekey")])
        published.publish(made, checks=[], published_at=NOW)
        ledger = ledgers.open_ledger(settings.ledger)
        asked, problems = automations.run_now(settings, ledger, only="order_rekeying")
        assert asked == {"asked": 2}, problems
        assert not portal.entered(), "nobody has agreed yet"
        with ledger.begin() as connection:
            names = [one.proposal for one in proposals.select(connection)]
        for name in names:
            said = CliRunner().invoke(cli.app, ["automations", "approve", name, "--by", "fulfilment_lead", "--config", str(config)])
            assert said.exit_code == 0, said.output
        done = automations.run_now(settings, ledger, only="order_rekeying")[0]
        assert (done["verified"], done["failed"]) == (1, 1), done
        assert automations.run_now(settings, ledger, only="order_rekeying")[0] == {}, "what was done is not done again"
        assert portal.entered() == {"SO-1": 1}
        shown = "".join(CliRunner().invoke(cli.app, ["automations", "show", name, "--config", str(config)]).output for name in names)
        assert "Delivery date is in the past." in shown and PASSWORD not in shown
        assert PASSWORD.encode() not in Path(settings.ledger.removeprefix("sqlite:///")).read_bytes()
