"""Write what an alert says: what, how bad, why, what to do, whose it is – in English or Chinese."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flows.alerting.episodes import Alert, Message, Reading
from flows.alerting.facts import Facts
from flows.alerting.judge import Judged, Kpi
from flows.alerting.notice import Item, Language, Link, Notice, Severity
from flows.alerting.options import Person
from flows.alerting.rule import Rule
from flows.reporting import scorecard, words

TREND = 14                   # periods that an item's line shows
MOST_ITEMS, FEW = 40, 3
ACTIONS = ("acknowledge", "silence")
# action ("acknowledge", "silence"), thread of the message, channel, language -> address; None: nothing serves links
LinkOf = Callable[[str, str, str, Language], str]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")

WORDS: dict[str, tuple[str, str]] = {
    "firing": ("", ""), "reminder": ("Still: ", "仍未解决："), "escalation": ("Nobody has taken this: ", "无人认领："), "resolved": ("Over: ", "已恢复："),
    "acknowledge": ("I have it", "我来处理"), "silence": ("Silence for a week", "静默一周"), "target": ("target", "目标"), "limit": ("limit", "阈值"),
    "expected": ("expected", "预期"), "since": ("since", "自"), "of": ("{} of {}", "{} / {}"), "more": ("and {} more", "另有 {} 项"),
    "segments": ("{}: {} of them", "{}：共 {} 项"), "owner": ("{} answers for it", "负责人：{}"), "told": ("first told {}", "首次通知 {}"),
    "summary": ("Alerts begin: {} rules find {} things that are so already", "告警启用：{} 条规则发现 {} 项已存在的问题"),
    "summary_lead": ("What began before alerting did is told once, here; from now on, what is new.",
                     "启用之前已存在的问题只在此汇总一次；此后只通知新的问题。"),
    "over": ("No worse than it should be, since {}.", "自 {} 起恢复正常。"), "change": ("change against before", "较此前变化"),
}


@dataclass(frozen=True, kw_only=True)
class Context:
    """What messages are composed from. drivers: alert -> (English, Chinese, contribution, share); without a
    contribution a sentence."""

    facts: Facts
    rules: Mapping[str, Rule]
    people: Mapping[str, Person] = field(default_factory=dict)
    currency: str = ""
    link_of: LinkOf | None = None
    drivers: Callable[[Alert], Sequence[tuple[str, str, float | None, float | None]]] = lambda alert: ()


def compose(message: Message, language: Language, context: Context, channel: str = "") -> Notice:
    """The notice of a message in a language. channel: whom its links are for."""
    say = _Say(language)
    severity = max((alert.severity for alert in message.alerts), key=SEVERITIES.index)
    alerts = sorted(message.alerts, key=lambda alert: (-SEVERITIES.index(alert.severity), alert.rule, -_badness(alert, context), alert.label))
    items = _summed(alerts, context, say) if message.kind == "summary" else [_item(alert, context, say) for alert in alerts[:MOST_ITEMS]]
    if len(alerts) > MOST_ITEMS and message.kind != "summary":
        items.append(Item(subject="…", text=say("more", len(alerts) - MOST_ITEMS)))
    links = _links(message, context, say, channel)
    footer = f"{context.facts.version} · " + ", ".join(sorted({alert.rule for alert in alerts}))
    if message.kind == "summary":
        title = say("summary", len({alert.rule for alert in alerts}), len(alerts))
        return Notice(key=message.key, thread=message.thread, kind="summary", severity=severity, language=language, title=title, lead=say("summary_lead"),
                      items=tuple(items), links=links, footer=f"{footer} · meridian alerts list")
    rule = context.rules[alerts[0].rule]
    is_over = message.kind == "resolved"
    return Notice(
        key=message.key, thread=message.thread, kind=message.kind, severity="info" if is_over else severity, language=language,
        title=say(message.kind) + _title(rule, alerts, context, say), lead=_lead(message, rule, context, say), items=tuple(items),
        why=() if is_over else _why(rule, alerts[0], context, say), steps=() if is_over else rule.runbook.in_(language), owner=_name(rule.owner, context),
        links=() if is_over else links, footer=f"{footer} · {_evidence(rule, alerts[0])}")


@dataclass(frozen=True)
class _Say:
    language: Language

    def __call__(self, word: str, *parts: object) -> str:
        return self.of(WORDS[word]).format(*parts)

    def of(self, pair: tuple[str, str]) -> str:
        return words.in_language(pair, self.language)


def _newest(alert: Alert, context: Context) -> tuple[Reading | None, Judged | None]:
    reading = next((one for one in context.facts.readings.get(alert.rule, ()) if (one.segment_type, one.segment) == (alert.segment_type, alert.segment)), None)
    return reading, reading.points[-1] if reading and reading.points else None


def _badness(alert: Alert, context: Context) -> float:
    """How much an alert's value weighs among others of its rule: the largest first, or the smallest where small is bad."""
    _, point = _newest(alert, context)
    value = point.value if point and point.value is not None else 0.0
    rule = context.rules[alert.rule]
    kpi = _kpi(rule, context)
    is_low_bad = rule.below is not None or (rule.above is None and kpi is not None and kpi.direction == "higher")
    return -value if is_low_bad else value


def _kpi(rule: Rule, context: Context) -> Kpi | None:
    """The KPI as the rule judges it: of one whose sample counts, a number of things."""
    kpi = context.facts.kpis.get(rule.kpi or "")
    if kpi is None or rule.measure == "value":
        return kpi
    return replace(kpi, unit="count", title_en=f"{kpi.title_en}: how many", title_zh=f"{kpi.title_zh}：样本数")


def _title(rule: Rule, alerts: Sequence[Alert], context: Context, say: _Say) -> str:
    title = rule.title.in_(say.language)
    if len(alerts) > 1:
        return say("segments", title, len(alerts))
    _, point = _newest(alerts[0], context)
    kpi = _kpi(rule, context)
    value = f" ({_show(point.value, kpi, context, say)})" if kpi and point and point.value is not None else ""
    subject = "" if alerts[0].segment_type == "all" else ("：" if say.language == "zh-CN" else ": ") + alerts[0].label
    return f"{title}{subject}{value}"


def _lead(message: Message, rule: Rule, context: Context, say: _Say) -> str:
    if message.kind == "resolved":
        return say("over", context.facts.as_of)
    kpi = _kpi(rule, context)
    first = min(alert.since for alert in message.alerts)
    said = [kpi.title(say.language) if kpi else "", _limit(rule, kpi, context, say), f"{say('since')} {first}"]
    if message.kind in ("reminder", "escalation"):
        said.append(say("told", f"{min(alert.fired_at for alert in message.alerts):%Y-%m-%d %H:%M} UTC"))
    said.append(say("owner", _name(rule.owner, context)))
    return (" · ").join(part for part in said if part)


def _limit(rule: Rule, kpi: Kpi | None, context: Context, say: _Say) -> str:
    limit = rule.above if rule.above is not None else rule.below
    if limit is not None and kpi:
        return f"{say('limit')} {'>' if rule.above is not None else '<'} {_show(limit, kpi, context, say)}"
    if rule.worse_than_target_by is not None and kpi:
        wanted = rule.worse_than_target_by
        sign = {"higher": "−", "range": "±"}.get(kpi.direction, "+")
        return f"{say('limit')} {say('target')} {sign} " + (f"{100 * wanted.by:g} %" if wanted.is_share else _show(wanted.by, kpi, context, say))
    return f"{say('change')} {100 * rule.changed_by:+.0f} %" if rule.changed_by is not None else ""


def _summed(alerts: Sequence[Alert], context: Context, say: _Say) -> list[Item]:
    """What several rules found: each thing of a rule that found few, one line of a rule that found many."""
    items = []
    for name in dict.fromkeys(alert.rule for alert in alerts):
        mine, title = [alert for alert in alerts if alert.rule == name], context.rules[name].title.in_(say.language)
        if len(mine) > FEW:
            labels = ("、" if say.language == "zh-CN" else ", ").join(alert.label for alert in mine[:FEW])
            items.append(Item(subject=say("segments", title, len(mine)), text=f"{labels} {say('more', len(mine) - FEW)}"))
        else:
            items += [replace(item, subject=title if alert.segment_type == "all" else f"{title} · {alert.label}")
                      for alert in mine for item in (_item(alert, context, say),)]
    return items


def _item(alert: Alert, context: Context, say: _Say) -> Item:
    rule = context.rules[alert.rule]
    reading, point = _newest(alert, context)
    kpi = _kpi(rule, context)
    told = context.facts.evidence.get((alert.rule, alert.segment_type, alert.segment))
    parts = [say.of(told)] if told else []
    if kpi and point and point.value is not None:
        parts.append(_show(point.value, kpi, context, say))
        if kpi.unit == "ratio" and point.numerator is not None and point.denominator and 0 <= point.numerator <= point.denominator == point.sample:
            parts[-1] += f" ({say('of', f'{point.numerator:,.0f}', f'{point.denominator:,.0f}')})"
        if point.target is not None:
            parts.append(f"{say('expected' if rule.out_of_control else 'target')} {_show(point.target, kpi, context, say)}")
    parts.append(f"{say('since')} {alert.since}")
    subject = alert.label if alert.segment_type != "all" else (kpi.title(say.language) if kpi else alert.label)
    trend = tuple(one.value for one in reading.points[-TREND:]) if reading and kpi else ()
    return Item(subject=subject, text=("，" if say.language == "zh-CN" else ", ").join(part for part in parts if part), trend=trend if len(trend) > 1 else ())


def _why(rule: Rule, alert: Alert, context: Context, say: _Say) -> tuple[str, ...]:
    kpi = _kpi(rule, context)
    lines = []
    for english, chinese, contribution, part in context.drivers(alert):
        share = f" ({100 * part:.0f} %)" if part is not None else ""
        moved = "" if contribution is None else f": {words.difference(contribution, kpi.unit if kpi else 'count', context.currency, say.language)}{share}"
        lines.append(say.of((english, chinese)) + moved)
    return tuple(lines)


def _links(message: Message, context: Context, say: _Say, channel: str) -> tuple[Link, ...]:
    if context.link_of is None:
        return ()
    return tuple(Link(text=say(action), url=context.link_of(action, message.thread, channel, say.language), is_action=True) for action in ACTIONS)


def _evidence(rule: Rule, alert: Alert) -> str:
    """The command that shows the numbers behind it."""
    if rule.kpi is not None:
        segment = "" if alert.segment_type == "all" else f" --segment {alert.segment_type}"
        return f"meridian kpis {rule.kpi} --grain {rule.grain}{segment}"
    commands = {
        "check": "meridian checks", "source": "meridian status", "records": "meridian status", "sound_rows": "meridian kpis", "version": "meridian status"}
    return commands.get(rule.missing or "", f"meridian alerts show '{alert.alert}'")


def _name(role: str, context: Context) -> str:
    person = context.people.get(role)
    return f"{person.name} ({role})" if person and person.name else role


def _show(number: float | None, kpi: Kpi | None, context: Context, say: _Say) -> str:
    return scorecard.show(number, kpi.unit if kpi else "count", context.currency, say.language)
