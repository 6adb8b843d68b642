"""Clicks: what the links in messages do to alerts and to what playbooks propose."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import sqlalchemy as sql

from flows import alerts, automations
from flows.alerting.clicks import Action, Click, Gone
from flows.alerting.notice import Language
from flows.automation import approvals, notices
from flows.automation.approvals import Said
from flows.settings import Settings
from flows.store import alerts as store
from flows.store import proposals

SILENT = timedelta(days=7)


def actions(settings: Settings) -> Mapping[str, Action]:
    """By the names under which messages are composed. A link's subject is the thread of its message: all alerts that it told of and that are still open."""
    titles = {name: rule.title for name, rule in alerts.load_rules(settings).rules.items()}

    def describe(connection: sql.Connection, subject: str, language: Language) -> str | None:
        try:
            found = store.open_ones(connection, subject)
        except store.NoSuchAlert:
            return None
        names = {alert.rule: titles[alert.rule].in_(language) if alert.rule in titles else alert.rule for alert in found}
        return "; ".join(names[alert.rule] if alert.segment_type == "all" else f"{names[alert.rule]}: {alert.label}" for alert in found)

    return {
        "acknowledge": Action(
            title={"en": "Acknowledge", "zh-CN": "确认"},
            explains={"en": "You have it: no more reminders and no escalation until it is over.", "zh-CN": "由您处理：在结束之前不再提醒，也不再升级。"},
            describe=describe, act=_acknowledge),
        "silence": Action(
            title={"en": f"Silence for {SILENT.days} days", "zh-CN": f"静默 {SILENT.days} 天"},
            explains={"en": "Nothing more is told of it until then; what still fires then is told again.",
                      "zh-CN": "在此期间不再通知；届时仍未恢复的会再次通知。"},
            describe=describe, act=_silence),
        "approve": Action(
            title={"en": "Approve", "zh-CN": "批准"},
            explains={"en": "It is done as described, and nothing else; looked at once more before and afterwards.",
                      "zh-CN": "将严格按所述内容执行，执行前后均会再次核对。"},
            describe=_describe_ask, act=partial(_decide, settings, "approve")),
        "reject": Action(
            title={"en": "Reject", "zh-CN": "拒绝"}, explains={"en": "It is not done.", "zh-CN": "不予执行。"},
            describe=_describe_ask, act=partial(_decide, settings, "reject")),
    }


def _describe_ask(connection: sql.Connection, ask: str, language: Language) -> str | None:
    standing = proposals.select(connection, proposals.proposals.c.ask == ask, proposals.proposals.c.state == "asked")
    return "; ".join(f"{one.row.get('subject') or one.work_key}: {notices.line(one, language)}" for one in standing) or None


def _decide(settings: Settings, decision: approvals.Decision, connection: sql.Connection, click: Click) -> str:
    user = automations.account_of(settings, click.to)
    said = Said(decision=decision, who=click.to, by=click.by, via="link", account=user, is_shared=automations.is_shared(settings, user))
    try:
        found = approvals.decide(connection, automations.load_playbooks(settings).playbooks, click.subject, said, at=click.at)
    except approvals.NotTaken as refused:
        raise Gone(refused.in_(click.language)) from None
    except proposals.NoSuchProposal:
        raise Gone("已无需审批。" if click.language == "zh-CN" else "There is nothing left to decide.") from None
    states = ", ".join(f"{sum(one.state == state for one in found)} {state}" for state in sorted({one.state for one in found}))
    return f"已记录：{states}。" if click.language == "zh-CN" else f"Taken down: {states}."


def _acknowledge(connection: sql.Connection, click: Click) -> str:
    try:
        found = store.acknowledge(connection, click.subject, by=click.by, at=click.at)
    except store.NoSuchAlert:
        raise _gone(click.language) from None
    return f"已确认 {len(found)} 项，由 {click.by} 处理。" if click.language == "zh-CN" else f"{len(found)} acknowledged: {click.by} has it."


def _silence(connection: sql.Connection, click: Click) -> str:
    try:
        found = store.open_ones(connection, click.subject)
    except store.NoSuchAlert:
        raise _gone(click.language) from None
    until = click.at + SILENT
    for rule, segment in dict.fromkeys((alert.rule, alert.segment) for alert in found):
        store.silence(connection, rule=rule, segment=segment, reason="by the link in a message", by=click.by, at=click.at, until=until)
    return f"静默至 {until:%Y-%m-%d %H:%M} UTC。" if click.language == "zh-CN" else f"Quiet until {until:%Y-%m-%d %H:%M} UTC."


def _gone(language: Language) -> Gone:
    return Gone("已经恢复。" if language == "zh-CN" else "It is over already.")
