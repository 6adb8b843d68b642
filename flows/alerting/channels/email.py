"""E-mail by SMTP: text and HTML, trends as pictures inside, reports along with it, one conversation a matter.

RFC 5321 (4.2.1: 4xx is 'not now', 5xx 'never'; 4.5.3.2: how long to wait), RFC 3834 (Auto-Submitted), RFC 5322 (3.6.4: Message-ID, References).
"""

from __future__ import annotations

import hashlib
import re
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from html import escape
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from flows.alerting.channels.contract import Answer, Kind, Options, Rate
from flows.alerting.channels.form import fit, plain, spark, word
from flows.alerting.notice import Item, Notice
from flows.alerting.trend import HEIGHT, WIDTH, picture

HTML = 95_000                   # without the references to pictures; Gmail hides what stands behind the first 102 KB
PICTURES = 30                   # about 1 KB each
CONNECT_SECONDS, ANSWER_SECONDS = 20.0, 120.0
TOO_LARGE = ("552", "523")      # RFC 1870; RFC 3463 calls it 5.3.4
COLOURS = {"info": "#1f578a", "warning": "#b35900", "critical": "#a61b1b"}
ADDRESS = r"[^@\s<>,;\"]+@[^@\s<>,;\"]+"


class EmailOptions(Options):
    """security: starttls (as a rule port 587), tls (465), or none, which is for a relay on this machine. ca_file: of a server whose certificate is
    your own."""

    host: str
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password_env: str | None = None
    sender: str = Field(pattern=f"^{ADDRESS}$")
    sender_name: str = "Meridian"
    recipients: tuple[Annotated[str, Field(pattern=f"^{ADDRESS}$")], ...] = Field(min_length=1)
    ca_file: str | None = None

    @model_validator(mode="after")
    def sensible(self) -> Self:
        if self.username and not self.password_env:
            raise ValueError("username needs password_env")
        if self.password_env and self.security == "none":
            raise ValueError("a password is not sent over a connection that is not encrypted; set security to starttls or tls")
        return self


def message_id(text: str, options: EmailOptions) -> str:
    return f"<{hashlib.sha256(text.encode()).hexdigest()[:32]}@{options.sender.rsplit('@', 1)[1]}>"


def message(notice: Notice, options: EmailOptions, now: datetime) -> EmailMessage:
    """The same notice has the same Message-ID whenever it is sent: a mailbox that has it shows it once."""
    notice = fit(notice, lambda one: len(html(one, {}).encode()) <= HTML)
    pictures = {index: drawn for index, item in enumerate(notice.items[:PICTURES]) if (drawn := picture(item.trend))}
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))    # what every relay takes
    mail["From"] = formataddr((options.sender_name, options.sender))
    mail["To"] = ", ".join(options.recipients)
    mail["Subject"] = " ".join(notice.title.split())
    mail["Date"] = format_datetime(now)
    thread = message_id(f"thread {notice.thread}", options)
    mail["Message-ID"] = message_id(f"notice {notice.key}", options)
    mail["References"] = mail["In-Reply-To"] = thread          # of a message that was never sent: it holds the conversation together
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"                   # Exchange's answers of absence
    if notice.severity == "critical":
        mail["Importance"] = "high"
    mail.set_content(plain(notice))
    names = {index: f"trend{index}.{mail['Message-ID'][1:-1]}" for index in pictures}
    mail.add_alternative(html(notice, names), subtype="html")
    page = mail.get_payload()[1]                               # type: ignore[index]
    for index, drawn in pictures.items():
        page.add_related(drawn, "image", "png", cid=f"<{names[index]}>", disposition="inline", filename=f"trend{index}.png")   # type: ignore[union-attr]
    for path in map(Path, notice.files):
        with suppress(OSError):                                # gone since: the message says where it lay
            mail.add_attachment(path.read_bytes(), "application", "pdf", filename=path.name)
    return mail


def html(notice: Notice, pictures: Mapping[int, str]) -> str:
    """One column, no script, nothing fetched: readable where pictures are off, too. pictures: index of the item -> content id."""
    def rows(item: Item, index: int) -> str:
        drawn = (f'<img src="cid:{pictures[index]}" width="{WIDTH}" height="{HEIGHT}" alt="{spark(item.trend)}">' if index in pictures
                 else escape(spark(item.trend)))
        style = "padding:6px 0;border-top:1px solid #ddd;vertical-align:top"
        return (f'<tr><td style="{style}"><b>{escape(item.subject)}</b><br>{escape(item.text)}</td>'
                f'<td style="{style};width:{WIDTH}px;text-align:right">{drawn}</td></tr>')

    def section(name: str, texts: tuple[str, ...], tag: str) -> str:
        return f"<h3 style=\"margin:20px 0 4px;font-size:15px\">{word(notice, name)}</h3><{tag} style=\"margin:0;padding-left:20px\">" + "".join(
            f"<li>{escape(text)}</li>" for text in texts) + f"</{tag}>" if texts else ""

    colour = COLOURS[notice.severity]
    items = "".join(rows(item, index) for index, item in enumerate(notice.items))
    buttons = "".join(
        f'<a href="{escape(link.url)}" style="display:inline-block;margin:0 8px 8px 0;padding:10px 18px;border-radius:4px;text-decoration:none;'
        + (f'background:{colour};color:#fff' if link.is_action else f'border:1px solid {colour};color:{colour}') + f'">{escape(link.text)}</a>'
        for link in notice.links)
    owner = f"<p>{word(notice, 'owner')}{word(notice, 'colon')}{escape(notice.owner)}</p>" if notice.owner else ""
    return (
        f'<!doctype html><html lang="{notice.language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>'
        '<body style="margin:0;padding:16px;background:#fff;color:#222;font:15px/1.5 -apple-system,Segoe UI,Roboto,PingFang SC,Microsoft YaHei,sans-serif">'
        f'<div style="max-width:640px"><h2 style="margin:0 0 8px;padding-left:12px;border-left:4px solid {colour};font-size:20px">{escape(notice.title)}</h2>'
        + (f"<p>{escape(notice.lead)}</p>" if notice.lead else "")
        + (f'<table style="border-collapse:collapse;width:100%">{items}</table>' if items else "")
        + section("why", notice.why, "ul") + section("steps", notice.steps, "ol") + owner
        + (f'<p style="margin:20px 0 0">{buttons}</p>' if buttons else "")
        + (f'<p style="color:#666;font-size:12px">{escape(notice.footer)}</p>' if notice.footer else "") + "</div></body></html>")


def send(notice: Notice, options: EmailOptions, secrets: Mapping[str, str], now: datetime) -> Answer:
    answer = _send(notice, options, secrets, now)
    is_too_large = notice.files and answer.outcome == "refused" and answer.said.startswith(TOO_LARGE)
    return _send(replace(notice, files=()), options, secrets, now) if is_too_large else answer


def _send(notice: Notice, options: EmailOptions, secrets: Mapping[str, str], now: datetime) -> Answer:
    data = message(notice, options, now).as_bytes()
    try:
        server = _connect(options)
    except smtplib.SMTPResponseException as error:
        return _answer(error.smtp_code, error.smtp_error)
    except ssl.SSLCertVerificationError as error:
        return Answer(outcome="retry", said=f"its certificate is not trusted: {error.verify_message}; name its ca_file")
    except (OSError, smtplib.SMTPException) as error:
        return Answer(outcome="retry", said=f"no connection: {type(error).__name__}")
    try:
        return _hand_over(server, options, secrets, data)
    finally:
        server.close()


def _connect(options: EmailOptions) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=options.ca_file)
    if options.security == "tls":
        return smtplib.SMTP_SSL(options.host, options.port, timeout=CONNECT_SECONDS, context=context)
    server = smtplib.SMTP(options.host, options.port, timeout=CONNECT_SECONDS)
    if options.security == "starttls":
        server.starttls(context=context)            # raises where the server has none: nothing is sent in the clear
    return server


def _hand_over(server: smtplib.SMTP, options: EmailOptions, secrets: Mapping[str, str], data: bytes) -> Answer:
    try:
        if options.username:
            server.login(options.username, secrets["password"])
        server.ehlo_or_helo_if_needed()
        code, said = server.mail(options.sender, [f"size={len(data)}"] if server.has_extn("size") else [])
        if code != 250:
            return _answer(code, said)
        answers = [server.rcpt(address) for address in options.recipients]
        later = [answer for answer in answers if 400 <= answer[0] < 500]
        refused = [answer for answer in answers if answer[0] >= 500]
        if later or len(refused) == len(answers):    # told now to some, the message would be lost for those who are to have it later
            return _answer(*(later or refused)[0])
        code, said = server.docmd("DATA")
        if code != 354:
            return _answer(code, said)
    except smtplib.SMTPResponseException as error:
        return _answer(error.smtp_code, error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        return Answer(outcome="retry", said=f"the connection broke before the message: {type(error).__name__}")
    try:
        if server.sock is not None:
            server.sock.settimeout(ANSWER_SECONDS)
        server.send(re.sub(rb"(?m)^\.", b"..", data) + (b"" if data.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        code, said = server.getreply()
    except (OSError, smtplib.SMTPException):
        return Answer(outcome="unknown", said="no answer after the message")
    answer = _answer(code, said)
    if code == 250 and refused:
        return Answer(outcome="delivered", said=f"{answer.said}; {len(refused)} of {len(answers)} recipients refused: {_words(*refused[0])}", is_partial=True)
    return answer


def _answer(code: int, said: bytes | str) -> Answer:
    outcome: Literal["delivered", "retry", "refused"] = "delivered" if 200 <= code < 300 else "refused" if code >= 500 else "retry"
    return Answer(outcome=outcome, said=_words(code, said))


def _words(code: int, said: bytes | str) -> str:
    return f"{code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"[:300]


KIND = Kind(options=EmailOptions, send=send, rates=(Rate(messages=5, seconds=1), Rate(messages=30, seconds=60)))
