"""The messages that delivery writes itself: many in one, and that a channel does not deliver."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from flows.alerting.channels.form import word
from flows.alerting.notice import Item, Language, Notice

SEVERITIES = ("critical", "warning", "info")        # the worst first
BUTTONS = 5


def again(notice: Notice) -> Notice:
    """The message, saying that it may have come before."""
    said = word(notice, "perhaps_again")
    return notice if said in notice.footer else replace(notice, footer=f"{notice.footer} {said}".strip())


def instead(notice: Notice, channel: str) -> Notice:
    """The message for another channel than it was meant for."""
    return replace(notice, footer=f"{notice.footer} {word(notice, 'instead', channel=channel)}".strip())


def digest(channel: str, language: Language, notices: Sequence[Notice]) -> Notice:
    """Many notices as one, the worst first; the first ones keep their action as a button."""
    ordered = sorted(notices, key=lambda notice: SEVERITIES.index(notice.severity))
    chinese = language == "zh-CN"
    mark = hashlib.sha256("\n".join(sorted(notice.key for notice in notices)).encode()).hexdigest()[:16]
    actions = [replace(link, text=f"{link.text}: {notice.title}") for notice in ordered for link in notice.links[:1] if link.is_action]
    return Notice(
        key=f"digest/{channel}/{mark}", thread=f"digest/{channel}/{mark}", kind="digest", severity=ordered[0].severity, language=language,
        title=f"{len(notices)} 条消息汇总" if chinese else f"{len(notices)} messages in one",
        items=tuple(Item(subject=notice.title, text=" ".join(notice.lead.split()), trend=notice.items[0].trend if len(notice.items) == 1 else ())
                    for notice in ordered),
        links=tuple(actions[:BUTTONS]),
        footer="为避免刷屏，多条消息合并发送。" if chinese else "More at once than a channel should carry, so they come together.")


def trouble_thread(channel: str) -> str:
    return f"trouble/{channel}"


def trouble(channel: str, about: str, why: str, language: Language, now: datetime) -> Notice:
    """That `channel` did not deliver the message `about`. One a channel and day: told more often it would be muted."""
    chinese = language == "zh-CN"
    return Notice(
        key=f"{trouble_thread(channel)}/{now:%Y-%m-%d}", thread=trouble_thread(channel), kind="trouble", severity="warning", language=language,
        title=f"通道 {channel} 无法送达消息" if chinese else f"The channel {channel} does not deliver",
        lead=f"系统最后的回应：{why}" if chinese else f"What its system said last: {why}",
        items=(Item(subject=about, text="已改发至此" if chinese else "is sent here instead, and so are those behind it"),),
        steps=((f"运行 meridian channels test {channel}", "检查 meridian.toml 与 .env 中该通道的配置") if chinese
               else (f"Run `meridian channels test {channel}`.", "Look at its settings in meridian.toml and its secrets in .env.")),
        footer=f"{now:%Y-%m-%d %H:%M} UTC")
