"""The portal's report in a drop folder, and what a run leaves in Prefect."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors import files
from connectors.stream import Window
from flows import gallery
from flows.automation.contract import Refused
from flows.automation.robots.portal_order import ENTER_ORDER
from flows.cli import app
from sandbox import drop
from sandbox.portal.server import set_faults
from tests.browser import install_browser
from tests.flows.automation.robots.dealer import NOW, PASSWORD, USER, Dealer, carry_out, dealer, order


def reference(folder: Path) -> list[str]:
    """What the files source reads there."""
    declared = {"partner_orders": drop.declaration()["partner_orders"]}
    source = files.connect("drop", {"folder": str(folder), "streams": declared}, home=folder.parent / "files")
    (stream,) = source.streams()
    return sorted(record["Your reference"] for page in source.read(stream, Window(start=None, end=NOW)) for record in page.records)


def configured(portal: Dealer) -> Path:
    (portal.folder / "clock").write_text(f"{NOW.isoformat()} {NOW.isoformat()}\n")
    (portal.folder / ".env").write_text(f"MERIDIAN_PARTNER_USER={USER}\nMERIDIAN_PARTNER_PASSWORD='{PASSWORD}'\n")
    (portal.folder / ".env").chmod(0o600)
    config = portal.folder / "meridian.toml"
    config.write_text(f'[company]\nname = "A"\ntime_zone = "Europe/Berlin"\ncurrency = "EUR"\n[state]\nhome = "state"\n'
                      f'[automations.targets.partner]\nkind = "portal"\nurl = "{portal.url}"\nevidence = "failures"\n')
    return config


def test_the_report_comes_into_the_drop_folder_a_file_a_month_and_failures_become_an_artifact(tmp_path: Path) -> None:
    install_browser()
    with dealer(tmp_path) as portal:
        for number, days in enumerate((0, 1, 40)):
            portal.state.put("orders", {"cust_ref": f"SO-{number}", "cust_no": "C1", "deliv_date": "20.11.2026", "status": "open", "total": "1234.50", "lines": [],
                                        "id": 500_100 + number, "entered": (NOW - timedelta(days=days)).isoformat()}, 0)
        with portal.session() as session:
            from flows.automation.robots.portal_report import download

            set_faults(portal.state, ends_at=["/reports/orders.csv"])          # and so it logs in again instead of keeping a page of HTML
            folder = portal.folder / "drop"
            assert [path.name for path in download(session, folder, months=2, today=NOW.date())] == ["partner_orders-2026-11.csv", "partner_orders-2026-10.csv"]
            assert reference(folder) == ["SO-0", "SO-1"] and len(list(folder.iterdir())) == 2
            assert download(session, folder, months=2, today=NOW.date()) == [], "what says the same is not written again"
            assert carry_out(session, order("SO-9")) == "verified"
            assert [path.name for path in download(session, folder, months=1, today=date(2026, 11, 2))] == ["partner_orders-2026-11.csv"]
            assert reference(folder) == ["SO-0", "SO-1", "SO-9"]
            with pytest.raises(Refused):
                ENTER_ORDER.act(session, order("SO-10", requested_on="2026-10-01"), {}, "m")
        (failure,) = gallery.failures(portal.folder / "failures", since=NOW - timedelta(minutes=1))
        said = gallery.markdown([failure])
        assert "### SO-10" in said and "Delivery date is in the past." in said and str(failure[0]) in said
        assert said.count("data:image/jpeg;base64,") == 1 and len(said) < 40_000
        assert not gallery.failures(portal.folder / "failures", since=NOW + timedelta(minutes=1))
        assert gallery.markdown([failure] * 15).count("data:image") == gallery.MOST and "+ 3" in gallery.markdown([failure] * 15)


def test_the_command_downloads_and_a_misspelt_portal_is_named(tmp_path: Path) -> None:
    install_browser()
    with dealer(tmp_path) as portal:
        portal.state.put("orders", {"cust_ref": "SO-1", "cust_no": "C1", "deliv_date": "20.11.2026", "status": "open", "total": "1.00", "lines": [], "id": 500_100,
                                    "entered": NOW.isoformat()}, 0)
        config, folder = configured(portal), tmp_path / "drop"
        wrong = CliRunner().invoke(app, ["robot", "download", "partnr", "--into", str(folder), "--config", str(config)])
        assert wrong.exit_code == 2 and "did you mean 'partner'?" in wrong.output
        done = CliRunner().invoke(app, ["robot", "download", "partner", "--into", str(folder), "--config", str(config)])
        assert done.exit_code == 0 and "partner_orders-2026-11.csv" in done.output, done.output
        assert PASSWORD not in done.output
    assert reference(folder) == ["SO-1"]
