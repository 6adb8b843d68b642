"""Feishu 飞书 and Lark: a group's custom bot, signed, an interactive card.

Source: "自定义机器人使用指南" (open.feishu.cn; in English "Custom bot usage guide"): 100 messages a minute, 5 a second, 20 KB, not at :00 and :30; the
signature is HMAC-SHA256 of nothing under the key "<timestamp>\\n<secret>", the timestamp in seconds and at most an hour old; codes 0, 9499, 11232, 19021,
19022, 19024. Errors come with HTTP 200.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flows.alerting.channels.contract import Answer, Kind, Options, Rate
from flows.alerting.channels.form import cut, fit, markdown
from flows.alerting.channels.http import by_code, dumps, post
from flows.alerting.notice import Notice

WHOLE = 20_000
TEMPLATES = {"info": "blue", "warning": "orange", "critical": "red"}
LATER = {11232: 60.0, 99991400: 60.0}   # seconds; the second: "Rate limits", Response for limitations
# "Markdown component": these signs are written as entities where they mean themselves.
_ENTITIES = str.maketrans({sign: f"&#{ord(sign)};" for sign in "&<>*~_[]`"})


class FeishuOptions(Options):
    """url_env: the bot's webhook (open.feishu.cn or open.larksuite.com). secret_env: of its signature verification, where that is switched on."""

    url_env: str
    secret_env: str | None = None


def card(notice: Notice) -> dict[str, Any]:
    elements: list[dict[str, Any]] = [
        {"tag": "div", "text": {"tag": "lark_md", "content": part}}
        for part in markdown(notice, _escaped, with_actions=False).split("\n\n") if part]
    if actions := [link for link in notice.links if link.is_action]:
        elements.append({"tag": "action", "actions": [
            {"tag": "button", "text": {"tag": "plain_text", "content": cut(link.text, 75)}, "type": "primary", "url": link.url} for link in actions]})
    if notice.footer:
        elements.append({"tag": "note", "elements": [{"tag": "plain_text", "content": notice.footer}]})
    template = "green" if notice.kind == "resolved" else TEMPLATES[notice.severity]
    return {"config": {"wide_screen_mode": True}, "header": {"title": {"tag": "plain_text", "content": notice.title}, "template": template},
            "elements": elements}


def message(notice: Notice, secret: str | None, now: datetime) -> dict[str, Any]:
    content: dict[str, Any] = {"msg_type": "interactive", "card": card(notice)}
    if secret:
        timestamp = str(int(now.timestamp()))
        content |= {"timestamp": timestamp, "sign": signature(timestamp, secret)}
    return content


def signature(timestamp: str, secret: str) -> str:
    return base64.b64encode(hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()


def send(notice: Notice, options: FeishuOptions, secrets: Mapping[str, str], now: datetime) -> Answer:
    secret = secrets.get("secret")
    notice = fit(notice, lambda one: len(dumps(message(one, secret, now))) <= WHOLE)
    reply = post(secrets["url"], dumps(message(notice, secret, now)), now=now)
    if isinstance(reply, Answer):
        return reply
    return by_code(reply, reply.json.get("code", reply.json.get("StatusCode")), later=LATER)


def _escaped(text: str) -> str:
    return text.translate(_ENTITIES)


KIND = Kind(options=FeishuOptions, send=send, rates=(Rate(messages=4, seconds=1), Rate(messages=90, seconds=60)), quiet_minutes=frozenset({0, 30}))
