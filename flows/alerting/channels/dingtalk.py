"""DingTalk 钉钉: a group's custom robot, signed, an ActionCard (Markdown where there is nothing to press).

Sources (open.dingtalk.com): "自定义机器人接入" and "自定义机器人安全设置": 20 messages a minute, else blocked for 10 minutes; the signature is HMAC-SHA256 of
"<timestamp>\\n<secret>" under the secret, the timestamp in milliseconds, both in the address; 310000: keyword, signature or address not accepted;
130101 and 410100: too fast. Errors come with HTTP 200. No page limits this robot's size; an application's robot has 15,000 bytes ("Send a group message").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from flows.alerting.channels.contract import Answer, Kind, Options, Rate
from flows.alerting.channels.form import cut, fit, markdown, unlinked
from flows.alerting.channels.http import by_code, dumps, post
from flows.alerting.notice import Notice

WHOLE = 15_000
LATER = {130101: 600.0, 410100: 600.0, -1: 30.0}         # seconds; -1 is "系统繁忙"


class DingtalkOptions(Options):
    """url_env: the robot's webhook, with its access_token. secret_env: of its signature (加签), where that is chosen."""

    url_env: str
    secret_env: str | None = None


def message(notice: Notice) -> dict[str, Any]:
    footer = f"\n\n> {unlinked(notice.footer)}" if notice.footer else ""
    # Its Markdown joins single line breaks; two blanks before one keep it.
    text = f"### {unlinked(notice.title)}\n\n{markdown(notice, unlinked, with_actions=False, newline='  ' + chr(10))}{footer}"
    if actions := [link for link in notice.links if link.is_action]:
        buttons = [{"title": cut(link.text, 60), "actionURL": link.url} for link in actions]
        return {"msgtype": "actionCard", "actionCard": {"title": notice.title, "text": text, "btnOrientation": "0", "btns": buttons}}
    return {"msgtype": "markdown", "markdown": {"title": notice.title, "text": text}}


def signed(url: str, secret: str | None, now: datetime) -> str:
    if not secret:
        return url
    timestamp = str(int(now.timestamp() * 1000))
    sign = base64.b64encode(hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()).decode()
    return f"{url}{'&' if '?' in url else '?'}timestamp={timestamp}&sign={quote_plus(sign)}"


def send(notice: Notice, options: DingtalkOptions, secrets: Mapping[str, str], now: datetime) -> Answer:
    notice = fit(notice, lambda one: len(dumps(message(one))) <= WHOLE)
    reply = post(signed(secrets["url"], secrets.get("secret"), now), dumps(message(notice)), now=now)
    if isinstance(reply, Answer):
        return reply
    return by_code(reply, reply.json.get("errcode"), later=LATER)


KIND = Kind(options=DingtalkOptions, send=send, rates=(Rate(messages=18, seconds=60),))
