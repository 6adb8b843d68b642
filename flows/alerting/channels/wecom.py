"""WeCom 企业微信: a group's robot, Markdown.

Sources (developer.work.weixin.qq.com): "群机器人配置说明" (markdown.content at most 4,096 bytes of UTF-8, 20 messages a minute), "全局错误码" (-1
busy, 45009 and 45033 limits, 40058 too long, 93000 no such webhook). Errors come with HTTP 200.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flows.alerting.channels.contract import Answer, Kind, Options, Rate
from flows.alerting.channels.form import fit, markdown, unlinked
from flows.alerting.channels.http import by_code, dumps, post
from flows.alerting.notice import Notice

CONTENT = 4096
COLOURS = {"info": "info", "warning": "warning", "critical": "warning"}
LATER = {-1: 30.0, 45009: 60.0, 45033: 60.0}         # seconds


class WecomOptions(Options):
    """url_env: the robot's webhook, with its key."""

    url_env: str


def content(notice: Notice) -> str:
    footer = f"\n\n<font color=\"comment\">{unlinked(notice.footer)}</font>" if notice.footer else ""
    title = f"**<font color=\"{COLOURS[notice.severity]}\">{unlinked(notice.title)}</font>**"
    return f"{title}\n\n{markdown(notice, unlinked, with_actions=True)}{footer}"


def send(notice: Notice, options: WecomOptions, secrets: Mapping[str, str], now: datetime) -> Answer:
    text = content(fit(notice, lambda one: len(content(one).encode()) <= CONTENT))
    reply = post(secrets["url"], dumps({"msgtype": "markdown", "markdown": {"content": text}}), now=now)
    if isinstance(reply, Answer):
        return reply
    return by_code(reply, reply.json.get("errcode"), later=LATER)


KIND = Kind(options=WecomOptions, send=send, rates=(Rate(messages=18, seconds=60),))
