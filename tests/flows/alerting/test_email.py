"""Mail, over a real SMTP server."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flows.alerting import trend
from flows.alerting.channels import email, form
from flows.alerting.channels.contract import Answer, Channel
from flows.alerting.channels.email import EmailOptions
from flows.alerting.notice import Item
from tests.flows.alerting.mail_server import PASSWORD, mail_server
from tests.flows.alerting.stand_ins import PATIENCE
from tests.flows.alerting.test_channels import NOTICE

NOW = datetime(2026, 11, 17, 2, 30, tzinfo=UTC)


def options(port: int, **more: Any) -> EmailOptions:
    return EmailOptions(**{"host": "127.0.0.1", "port": port, "security": "none", "sender": "meridian@example.com", "recipients": ("mira@example.com",), **more})


def send(port: int, **more: Any) -> Answer:
    return email.send(NOTICE, options(port, **more), {"password": PASSWORD}, NOW)


def mail_channel(port: int) -> Channel:
    return Channel(name="mail", kind=email.KIND, language="en", options=options(port))


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(email, "ANSWER_SECONDS", PATIENCE[1])


def test_a_report_goes_along_as_a_file_unless_it_is_gone_or_too_large_for_the_server(tmp_path: Path) -> None:
    report = tmp_path / "2026-W43.zh-CN.pdf"
    report.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 100)
    notice = replace(NOTICE, files=(str(report), str(tmp_path / "gone.pdf")))
    with mail_server(tmp_path) as box:
        assert email.send(notice, options(box.port), {}, NOW).outcome == "delivered"
        box.faults.append("too large")
        assert email.send(replace(notice, key="second"), options(box.port), {}, NOW).outcome == "delivered"
    first, second = box.taken
    (attached,) = first.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type(), attached.get_content()) == (report.name, "application/pdf", report.read_bytes())
    assert first.get_body(("html",)) and list(second.iter_attachments()) == []
    assert first["Subject"] == second["Subject"]


def test_a_mail_is_text_and_html_with_the_trend_as_a_picture_in_one_conversation_and_asks_for_no_answer(tmp_path: Path) -> None:
    with mail_server(tmp_path) as box:
        assert send(box.port) == Answer(outcome="delivered", said="250 2.0.0 kept")
        resolved = replace(NOTICE, key="late_suppliers/resolved", kind="resolved", language="zh-CN", title="供应商交货\n已恢复", items=())
        assert email.send(resolved, options(box.port), {}, NOW).outcome == "delivered"
    first, second = box.taken
    text, page = first.get_body(("plain",)), first.get_body(("html",))
    assert text and page
    assert "Umbra GmbH: 6 of 33 ▁·█" in text.get_content()
    assert "&lt;b&gt;route 7&lt;/b&gt;" in page.get_content()                # what a source says is text, never HTML
    (picture,) = [part for part in first.walk() if part.get_content_type() == "image/png"]
    assert f'src="cid:{picture["Content-ID"][1:-1]}"' in page.get_content()
    assert Image.open(io.BytesIO(picture.get_payload(decode=True))).size == (320, 64)
    assert second["Subject"] == "供应商交货 已恢复"
    assert first["References"] == second["References"] == first["In-Reply-To"]
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Auto-Submitted"] == "auto-generated"
    assert b"\xe4" not in first.as_bytes()                                    # seven bits, as every relay takes


def test_the_same_notice_has_the_same_message_id_whenever_it_is_sent(tmp_path: Path) -> None:
    with mail_server(tmp_path) as box:
        for _ in range(2):
            send(box.port)
    assert box.taken[0]["Message-ID"] == box.taken[1]["Message-ID"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")          # the server does not see that TLS was there before it
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_over_tls_with_a_login_and_to_no_server_whose_certificate_nobody_trusts(tmp_path: Path, security: str) -> None:
    with mail_server(tmp_path, security=security, login=True) as box:
        known = {"security": security, "ca_file": str(tmp_path / "server.pem"), "username": "meridian", "password_env": "P"}
        assert send(box.port, **known).outcome == "delivered"
        wrong = email.send(NOTICE, options(box.port, **known), {"password": "wrong"}, NOW)
        assert (wrong.outcome, "535" in wrong.said) == ("refused", True)
        unknown = send(box.port, security=security)
        assert (unknown.outcome, "certificate is not trusted" in unknown.said) == ("retry", True)
        assert len(box.taken) == 1


def test_nothing_is_sent_in_the_clear_where_the_server_has_no_starttls(tmp_path: Path) -> None:
    with mail_server(tmp_path) as box:
        assert send(box.port, security="starttls").outcome == "retry"
        assert not box.taken


@pytest.mark.parametrize(("fault", "outcome", "said"), [
    ("busy", "retry", "451"), ("full", "retry", "452"), ("refuse", "refused", "554"), ("cut, taken", "unknown", "no answer"), ("silent, taken", "unknown", "no answer"),
])
def test_what_a_server_says_at_each_step_decides(tmp_path: Path, fault: str, outcome: str, said: str) -> None:
    with mail_server(tmp_path) as box:
        box.faults.append(fault)
        answer = send(box.port)
        assert (answer.outcome, said in answer.said, len(box.taken)) == (outcome, True, int("taken" in fault))
    assert send(1).outcome == "retry"


def test_a_recipient_who_is_put_off_holds_the_mail_back_for_all_and_one_who_is_refused_for_nobody(tmp_path: Path) -> None:
    with mail_server(tmp_path) as box:
        box.faults.append("grey")
        people = ("mira@example.com", "grey@example.com", "nobody@example.com")
        assert send(box.port, recipients=people).outcome == "retry"
        assert not box.taken
        answer = send(box.port, recipients=people)
        assert (answer.outcome, answer.is_partial, box.recipients) == ("delivered", True, [["mira@example.com", "grey@example.com"]])
        assert "1 of 3 recipients refused: 550" in answer.said
        assert send(box.port, recipients=("nobody@example.com",)).outcome == "refused"


def test_a_line_that_begins_with_a_dot_arrives_as_it_is(tmp_path: Path) -> None:
    plain = replace(NOTICE, lead=".\n.hidden", items=(), links=())             # all ASCII: it is not encoded, so the dots stand at the lines' beginnings
    with mail_server(tmp_path) as box:
        assert email.send(plain, options(box.port), {}, NOW).outcome == "delivered"
    text = box.taken[0].get_body(("plain",))
    assert text and ".\n.hidden\n" in text.get_content().replace("\r", "")
    assert text["Content-Transfer-Encoding"] == "7bit"


def test_a_long_mail_stays_below_what_gmail_shows(tmp_path: Path) -> None:
    long = replace(NOTICE, items=tuple(Item(subject=f"供应商 {number}", text="x" * 200, trend=(1, 2)) for number in range(900)))
    with mail_server(tmp_path) as box:
        assert email.send(long, options(box.port), {}, NOW).outcome == "delivered"
    page, text = box.taken[0].get_body(("html",)), box.taken[0].get_body(("plain",))
    assert page and text
    assert len(page.get_content().encode()) < 102_000
    assert re.search(r"and \d+ more</td>", page.get_content())
    assert "and " in text.get_content().split("Owner")[0]


def test_a_trend_is_drawn_from_two_values_on_with_gaps_where_there_was_none() -> None:
    assert trend.picture((None, 1.0, None)) is None
    assert form.spark((1.0,)) == ""
    for values in ((1.0, 1.0), (None, 1.0, None, 3.0, 2.0), tuple(float(number) for number in range(400))):
        drawn = trend.picture(values)
        assert drawn and len(drawn) < 4000
    assert form.spark((3.0, 3.0, None)) == "▄▄·"
