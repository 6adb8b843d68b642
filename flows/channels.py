"""Channels: as meridian.toml has them, ready to send; what is wrong with them; a real test message."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flows.alerting import deliver, links
from flows.alerting.channels import KINDS
from flows.alerting.channels.contract import Answer, Channel, send
from flows.alerting.notice import Item, Notice
from flows.settings import Settings, line_of, nearest
from flows.store import outbox
from flows.store.ledger import Ledger, open_ledger

_OWN = {"kind", "language", "fallback"}          # settings of every channel, beside the options of its kind


def problems(text: str, path: Path, declared: Mapping[str, Any]) -> Iterator[str]:
    """One line for each thing that is wrong with [channels.*], with file, line and what would be right."""
    for name, channel in declared.items():
        if not isinstance(channel, dict) or not isinstance(channel.get("kind"), str):
            continue                             # the settings have said so
        def where(*keys: object, name: str = name) -> str:
            return f"{path}:{line_of(text, ('channels', name, *(str(key) for key in keys if not isinstance(key, int))))}: channels.{name}"

        kind = channel["kind"]
        if kind not in KINDS:
            yield f"{where('kind')}.kind = {kind!r} is no kind of channel{nearest(kind, list(KINDS))}"
            continue
        fallback = channel.get("fallback")
        if fallback == name or (fallback is not None and fallback not in declared):
            others = [other for other in declared if other != name]
            yield f"{where('fallback')}.fallback = {fallback!r} is no other channel{nearest(str(fallback), others) if others else '; there is no other'}"
        options = KINDS[kind].options
        try:
            options.model_validate({key: value for key, value in channel.items() if key not in _OWN})
        except ValidationError as error:
            for issue in error.errors(include_url=False, include_context=False, include_input=False):
                option = ".".join(str(part) for part in issue["loc"] if not isinstance(part, int))
                if issue["type"] == "extra_forbidden":
                    yield f"{where(option)}.{option} is not an option of {kind}{nearest(option, sorted({*_OWN, *options.model_fields}))}"
                elif issue["type"] == "missing":
                    yield f"{where()}.{option} is missing: a channel of kind {kind} needs it"
                else:
                    yield f"{where(*issue['loc'])}{'.' + option if option else ''}: {issue['msg'].removeprefix('Value error, ')}"


def configured(settings: Settings) -> dict[str, Channel]:
    """The channels, with their secrets. One whose secret is not set is there all the same and says so: what is promised to it must not be lost."""
    found = {}
    for name, declared in settings.configuration.channels.items():
        kind = KINDS[declared.kind]
        options = kind.options.model_validate(declared.options)
        variables = {field.removesuffix("_env"): getattr(options, field) for field in kind.options.model_fields if field.endswith("_env")}
        secrets = {secret: settings.secrets.get(variable, "") for secret, variable in variables.items() if variable}
        lacking = sorted(variables[secret] for secret, value in secrets.items() if not value)
        found[name] = Channel(
            name=name, kind=kind, language=declared.language or settings.configuration.company.languages[0], fallback=declared.fallback, options=options,
            secrets={secret: value for secret, value in secrets.items() if value},
            fault=f"{', '.join(lacking)} is not set: put it into {settings.path.parent / '.env'} or the environment" if lacking else "")
    return found


def deliver_due(settings: Settings, ledger: Ledger, *, patience: timedelta = timedelta(0)) -> Counter[str]:
    """Send what is due to the configured channels; how many were delivered, digested, unknown, refused, handed on. patience: how long to wait for the
    channels' limits."""
    return deliver.deliver_due(deliver.Courier(
        ledger=ledger, channels=configured(settings), clock=settings.clock, wall=lambda: datetime.now(UTC), random=random.random, sleep=time.sleep,
    ), patience=patience)


def link_writer(settings: Settings) -> links.Writer | None:
    """What writes links into messages; None without a good key: then messages have none, and commands do what links would. `meridian doctor` says so."""
    chosen = settings.configuration.serve
    try:
        return links.writer(chosen.url, settings.secrets.get(links.KEY_VARIABLE, ""), now=settings.clock(), lasts=timedelta(days=chosen.link_days))
    except links.BadKey:
        return None


def listing(settings: Settings) -> str:
    """A line for each channel: what it is, how many messages it has in which state, and what it lacks."""
    with open_ledger(settings.ledger).begin() as connection:
        counted = outbox.counts(connection)
    def written(states: Mapping[str, int]) -> str:
        return ", ".join(f"{number} {state}" for state, number in sorted(states.items())) or "nothing yet"

    lines = []
    for name, channel in configured(settings).items():
        declared = settings.configuration.channels[name]
        fallback = f", falls back to {channel.fallback}" if channel.fallback else ""
        lines.append(f"{name} ({declared.kind}, {channel.language}{fallback}): {written(counted.pop(name, {}))}")
        if channel.fault:
            lines.append(f"  BAD: {channel.fault}")
    lines += [f"{name}: not configured any more: {written(states)}" for name, states in counted.items()]
    return "\n".join(lines) or f"no channels: add a [channels.<name>] to {settings.path}"


def send_test(channel: Channel, *, company: str, now: datetime) -> Answer:
    """A real message that says it is a test."""
    return send(channel, sample(channel, company=company, now=now), now)


def sample(channel: Channel, *, company: str, now: datetime) -> Notice:
    chinese = channel.language == "zh-CN"
    return Notice(
        key=f"test/{channel.name}/{now.isoformat()}", thread=f"test/{channel.name}", kind="test", severity="info", language=channel.language,
        title=f"{company}：通道测试" if chinese else f"{company}: test of the channel {channel.name}",
        lead="这是一条测试消息，无需处理。" if chinese else "This is a test. Nothing needs to be done.",
        items=(Item(subject="趋势示例" if chinese else "A trend", text="18.2 %（目标 10 %）" if chinese else "18.2 %, target 10 %",
                    trend=(0.08, 0.09, 0.07, None, 0.11, 0.12, 0.15, 0.182)),),
        footer=f"meridian channels test {channel.name} · {now:%Y-%m-%d %H:%M} UTC")
