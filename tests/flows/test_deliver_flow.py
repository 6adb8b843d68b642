"""Delivery within a night, and by its own schedule."""

from __future__ import annotations

from datetime import timedelta

from flows.store import ledger as ledgers
from tests.flows.alerting.stand_ins import SECRET, VENDORS
from tests.flows.alerting.test_deliver import promise, states
from tests.flows.conftest import Company

CHANNEL = '\n[channels.it]\nkind = "webhook"\nurl_env = "URL"\nsecret_env = "SECRET"\n'


def test_a_night_sends_what_waits_and_the_schedule_sends_what_a_night_could_not(lived_company: Company) -> None:
    company = lived_company
    with VENDORS["webhook"].collector() as collector:
        company.config.write_text(company.config.read_text() + CHANNEL)
        with (company.folder / ".env").open("a") as env:
            env.write(f"URL={collector.url}\nSECRET={SECRET}\n")
        settings = company.settings()
        ledger, now = ledgers.open_ledger(settings.ledger), settings.clock()
        promise(ledger, "of the night", at=now)
        night = company.run("nightly")
        assert night.returncode == 0, night.stdout + night.stderr
        assert "messages: 1 delivered" in night.stdout + night.stderr
        assert "Tok3n" not in night.stdout + night.stderr
        promise(ledger, "of the morning", "and one more", at=now - timedelta(hours=1))
        collector.faults.extend(["", "429"])
        by_schedule = "from flows.deliver import deliver\nimport os\nos.environ['MERIDIAN_CONFIG'] = sys.argv[-1]\nprint('STATE', deliver(return_state=True))\n"
        ran = company.run("channels", "list", prelude=by_schedule)
        assert "STATE Not delivered('1 messages for it are not delivered" in ran.stdout, ran.stdout + ran.stderr
        assert "its system said: HTTP 429 slow down; 1 delivered, 1 retry', type=FAILED)" in ran.stdout
    assert sorted(states(ledger).values()) == ["delivered", "delivered", "waiting"]
