"""Everything else that `apprise` knows by an address, with what can be known of it: its yes is a yes, its no does not say whether the message went out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from flows.alerting.channels.contract import Answer, Kind, Options, Rate
from flows.alerting.channels.form import cut, fit, plain
from flows.alerting.notice import Notice

# apprise says yes whatever these systems answer (measured with 1.13 and 2.2): they have kinds of their own here.
OURS = {"feishu": "feishu", "lark": "feishu", "wecombot": "wecom", "dingtalk": "dingtalk"}


class AppriseOptions(Options):
    """url_env: an address as apprise writes it, such as tgram://... or ntfy://... most_bytes: what its system takes in one message."""

    url_env: str
    most_bytes: int = 2000


def send(notice: Notice, options: AppriseOptions, secrets: Mapping[str, str], now: datetime) -> Answer:
    scheme = secrets["url"].split(":", 1)[0].lower()
    if scheme in OURS:
        return Answer(outcome="refused", said=f"apprise takes every answer of {scheme} for a yes; use kind = {OURS[scheme]!r}")
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)       # its warnings hold addresses, and addresses hold tokens
    target = apprise.Apprise()
    if not target.add(secrets["url"]):
        return Answer(outcome="refused", said="apprise knows no such address")
    notice = fit(notice, lambda one: len(plain(one).encode()) <= options.most_bytes)
    if target.notify(title=cut(notice.title, 200), body=plain(notice).removeprefix(notice.title).strip() or notice.title, body_format="text"):
        return Answer(outcome="delivered", said="apprise: sent")
    return Answer(outcome="unknown", said="apprise: not sent, or no answer")


KIND = Kind(options=AppriseOptions, send=send, rates=(Rate(messages=1, seconds=1), Rate(messages=20, seconds=60)))
