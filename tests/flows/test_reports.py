"""Reports of a company that has lived: what its pages say is what its marts hold, and each channel hears of one once."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from flows import reports
from flows.alerting.notice import from_json, to_json
from flows.reporting.scorecard import show
from flows.settings import ConfigurationError
from flows.store import ledger as ledgers
from flows.store import outbox
from tests.flows.conftest import Company
from tests.flows.nights import marts

CHANNELS = """
[channels.ops]
kind = "webhook"
url_env = "URL"
secret_env = "SECRET"

[channels.mei]
kind = "webhook"
url_env = "URL"
secret_env = "SECRET"
language = "zh-CN"

[reports]
channels = ["ops", "mei"]
"""


def test_a_page_shows_the_numbers_of_the_marts_and_is_told_of_once(lived_company: Company) -> None:
    company = lived_company
    company.config.write_text(company.config.read_text() + CHANNELS)
    settings = company.settings()
    period = reports.period_of(settings, None, "week")
    written = reports.write(settings, period, settings.configuration.company.languages, as_pdf=False)
    assert (period.label, [path.name for path in written.files]) == ("2026-W09", ["2026-W09.en.html", "2026-W09.zh-CN.html"])
    rows = dict(re.findall(r'<tr data-kpi="(\w+)">.*?<td class="n value">(.*?)</td>', written.files[0].read_text()))
    published = marts(company, f"""
        select kpi, unit, (select value from kpis where kpis.kpi = kpi_catalogue.kpi and period_grain = 'week' and segment_type = 'all'
            and period_start = date '{period.start}') from kpi_catalogue""")
    assert rows == {kpi: show(value, unit, "GBP") for kpi, unit, value in published}
    assert sum(value is not None for _, _, value in published) >= 4

    ledger, now = ledgers.open_ledger(settings.ledger), settings.clock()
    assert reports.promise(settings, ledger, written, now=now) == 2
    assert reports.promise(settings, ledger, written, now=now) == 0
    with ledger.begin() as connection:
        told = {row.channel: from_json(row.notice) for row in connection.execute(outbox.outbox.select()) if row.key == "report/2026-W09"}
    assert told["ops"].title == "Small company: Weekly operations report 2026-W09" and "KPIs meet their target" in told["ops"].lead
    assert told["mei"].title == "Small company: 运营数据周报 2026-W09" and str(written.files[1]) in told["mei"].footer

    # what is printed goes along where it is small enough, else the mail says where it lies
    printed = written.files[0].with_suffix(".pdf")
    printed.write_bytes(b"%PDF-1.7")
    with_print = replace(written, files=(*written.files, printed))
    for limit, files in ((0, ()), (7, ()), (8, (str(printed),))):
        company.config.write_text(re.sub(r"\nattach_bytes = \d+", "", company.config.read_text()) + f"\nattach_bytes = {limit}")
        one = reports.notice(company.settings(), with_print, "en")
        assert one.files == files and str(printed) in one.footer
        assert from_json(to_json(one)) == one
    assert reports.notice(company.settings(), with_print, "zh-CN").files == ()

    done = company.run("report", "--week", "2026-W09", "--no-pdf", "--lang", "en")
    assert (done.returncode, done.stdout.strip()) == (0, str(written.files[0])), done.stderr
    refused = company.run("report", "--week", "2019-W01", "--no-pdf")
    assert refused.returncode == 1 and "there are no numbers for 2019-W01" in refused.stderr


def test_a_channel_of_the_reports_that_is_none_is_named_with_its_line(company: Company) -> None:
    company.config.write_text(company.config.read_text() + CHANNELS.replace('["ops", "mei"]', '["opps"]'))
    with pytest.raises(ConfigurationError, match=r"meridian.toml:\d+: reports.channels names 'opps', which is no channel; did you mean 'ops'"):
        company.settings()
