"""Microsoft Teams: a workflow ("When a Teams webhook request is received") that posts an Adaptive Card.

Sources (learn.microsoft.com): "Create and send messages" (workflows take Adaptive Cards only), "Create an Incoming Webhook" (28 KB, four requests a second),
"Microsoft Teams connector", Known issues. Cards of 21 KB were refused by some who measured, so this is the limit here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flows.alerting.channels.contract import Answer, Kind, Options, Rate
from flows.alerting.channels.form import cut, fit, markdown, unlinked
from flows.alerting.channels.http import by_status, dumps, post
from flows.alerting.notice import Notice

WHOLE = 20_000
COLOURS = {"info": "Accent", "warning": "Warning", "critical": "Attention"}


class TeamsOptions(Options):
    """url_env: the address that the workflow shows when it is saved."""

    url_env: str


def message(notice: Notice) -> dict[str, Any]:
    body: list[dict[str, Any]] = [
        {"type": "TextBlock", "text": unlinked(notice.title), "weight": "Bolder", "size": "Medium", "wrap": True, "color": COLOURS[notice.severity]}]
    body += [{"type": "TextBlock", "text": part, "wrap": True} for part in markdown(notice, unlinked, with_actions=False).split("\n\n") if part]
    if notice.footer:
        body.append({"type": "TextBlock", "text": unlinked(notice.footer), "isSubtle": True, "size": "Small", "wrap": True})
    actions = [{"type": "Action.OpenUrl", "title": cut(link.text, 75), "url": link.url} for link in notice.links if link.is_action]
    card = {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "msteams": {"width": "Full"},
            "body": body, **({"actions": actions[:6]} if actions else {})}
    return {"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}]}


def send(notice: Notice, options: TeamsOptions, secrets: Mapping[str, str], now: datetime) -> Answer:
    notice = fit(notice, lambda one: len(dumps(message(one))) <= WHOLE)
    reply = post(secrets["url"], dumps(message(notice)), now=now)
    if isinstance(reply, Answer):
        return reply
    if answer := by_status(reply):
        return answer
    # The older connectors, and proxies of them, say it with HTTP 200: "Webhook message delivery failed with error: ... returned HTTP error 429".
    if "HTTP error 429" in reply.text:
        return Answer(outcome="retry", said=reply.words, retry_after=reply.retry_after)
    if "delivery failed with error" in reply.text:
        return Answer(outcome="refused", said=reply.words)
    return Answer(outcome="delivered", said=reply.words)


KIND = Kind(options=TeamsOptions, send=send, rates=(Rate(messages=3, seconds=1), Rate(messages=30, seconds=60)))
