"""Slack: an incoming webhook, or chat.postMessage with a bot's token; Block Kit.

Sources (docs.slack.dev): "Sending messages using incoming webhooks", Handling errors; "chat.postMessage", Errors; "Rate limits", Posting messages;
"Blocks": header 150 characters, section 3,000, 50 blocks. A message of about 13,200 characters in all is refused as msg_blocks_too_long, which no page
says (slackapi/bolt-js issue 2509).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import model_validator

from flows.alerting.channels.contract import Answer, Kind, Options, Rate
from flows.alerting.channels.form import cut, fit, line, word
from flows.alerting.channels.http import Reply, by_status, dumps, post
from flows.alerting.notice import Notice

SECTION, HEADER, WHOLE = 3000, 150, 12_000          # Slack counts characters; of these there are never more than bytes
MARKS = {"info": "🔵", "warning": "🟠", "critical": "🔴"}
# "It's possible some aspect of the operation succeeded before the error was raised" (chat.postMessage, Errors)
PERHAPS_TAKEN = {"fatal_error", "internal_error", "service_unavailable", "request_timeout"}


class SlackOptions(Options):
    """url_env: of an incoming webhook; or token_env of a bot with the scope chat:write, and channel (an id)."""

    url_env: str | None = None
    token_env: str | None = None
    channel: str | None = None
    api: str = "https://slack.com/api/chat.postMessage"

    @model_validator(mode="after")
    def one_way(self) -> Self:
        if bool(self.url_env) == bool(self.token_env and self.channel):
            raise ValueError("give url_env of an incoming webhook, or token_env and channel")
        return self


def blocks(notice: Notice) -> list[dict[str, Any]]:
    def section(text: str) -> dict[str, Any]:
        return {"type": "section", "text": {"type": "mrkdwn", "text": text}}

    found: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(f"{MARKS[notice.severity]} {notice.title}", HEADER), "emoji": True}}]
    if notice.lead:
        found.append(section(_escaped(notice.lead)))
    if notice.items:
        found.append(section("\n".join(f"• {line(notice, item, _escaped)}" for item in notice.items)))
    if notice.why:
        found.append(section("\n".join([f"*{word(notice, 'why')}*", *(f"• {_escaped(text)}" for text in notice.why)])))
    if notice.steps:
        found.append(section("\n".join([f"*{word(notice, 'steps')}*", *(f"{n}. {_escaped(text)}" for n, text in enumerate(notice.steps, start=1))])))
    if notice.links:
        found.append({"type": "actions", "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": cut(link.text, 75)}, "url": link.url, **({"style": "primary"} if link.is_action else {})}
            for link in notice.links[:25]]})
    owner = f"{word(notice, 'owner')}{word(notice, 'colon')}{_escaped(notice.owner)}" if notice.owner else ""
    if small := " · ".join(text for text in (owner, _escaped(notice.footer)) if text):
        found.append({"type": "context", "elements": [{"type": "mrkdwn", "text": small}]})
    return found


def fits(notice: Notice) -> bool:
    found = blocks(notice)
    texts = [block["text"]["text"] for block in found if "text" in block] + [one["text"] for block in found if block["type"] == "context"
                                                                            for one in block["elements"]]
    return all(len(text.encode()) <= SECTION for text in texts) and len(dumps(found)) <= WHOLE


def send(notice: Notice, options: SlackOptions, secrets: Mapping[str, str], now: datetime) -> Answer:
    notice = fit(notice, fits)
    content = {"text": cut(f"{notice.title} {notice.lead}".replace("&", "&amp;").replace("<", "&lt;"), SECTION), "blocks": blocks(notice),
               "unfurl_links": False}
    if "url" in secrets:
        reply = post(secrets["url"], dumps(content), now=now)
        return reply if isinstance(reply, Answer) else _of_webhook(reply)
    reply = post(options.api, dumps({"channel": options.channel, **content}), now=now, headers={"Authorization": f"Bearer {secrets['token']}"})
    return reply if isinstance(reply, Answer) else _of_method(reply)


def _of_webhook(reply: Reply) -> Answer:
    if answer := by_status(reply):
        return answer
    return Answer(outcome="delivered" if reply.text.strip() == "ok" else "unknown", said=reply.words)


def _of_method(reply: Reply) -> Answer:
    if answer := by_status(reply):
        return answer
    error = reply.json.get("error")
    if reply.json.get("ok") is True:
        return Answer(outcome="delivered", said=f"ok, ts {reply.json.get('ts')}")
    if error in ("ratelimited", "rate_limited"):
        return Answer(outcome="retry", said=str(error), retry_after=reply.retry_after)
    return Answer(outcome="unknown" if error is None or error in PERHAPS_TAKEN else "refused", said=str(error or reply.words))


def _escaped(text: str) -> str:
    """Formatting text for app surfaces, Escaping text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


KIND = Kind(options=SlackOptions, send=send, rates=(Rate(messages=1, seconds=1), Rate(messages=30, seconds=60)))
