"""Slack: an incoming webhook, or chat.postMessage with a bot's token; Block Kit.

By a bot's token, what follows of an alert (again, escalated, over) goes into the thread of its first message: chat.postMessage answers with that message's
`ts`, which is what `thread_ts` names later. An incoming webhook answers "ok" and no more, so there every message stands for itself.

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
# Of what is answered to: it is gone, or none that can be answered to. Nothing was posted.
NO_THREAD = {"thread_not_found", "message_not_found", "cannot_reply_to_message", "invalid_thread_ts"}
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
    return reply(notice, options, secrets, now, "")


def reply(notice: Notice, options: SlackOptions, secrets: Mapping[str, str], now: datetime, reply_to: str) -> Answer:
    """reply_to: '<channel>:<ts>' of the thread's first message; '': none. One of another channel, from before the setting was changed, is none."""
    notice = fit(notice, fits)
    content = {"text": cut(f"{notice.title} {notice.lead}".replace("&", "&amp;").replace("<", "&lt;"), SECTION), "blocks": blocks(notice),
               "unfurl_links": False}
    if "url" in secrets:
        said = post(secrets["url"], dumps(content), now=now)
        return said if isinstance(said, Answer) else _of_webhook(said)
    channel, _, ts = reply_to.partition(":")
    # What nobody may miss is shown in the channel, too; that it is over is for those who follow the thread.
    thread = {"thread_ts": ts, "reply_broadcast": notice.kind != "resolved"} if ts and channel == options.channel else {}
    answer = _post(options, secrets, now, content | thread)
    return _post(options, secrets, now, content) if thread and answer.outcome == "refused" and answer.said in NO_THREAD else answer


def _post(options: SlackOptions, secrets: Mapping[str, str], now: datetime, content: Mapping[str, Any]) -> Answer:
    said = post(options.api, dumps({"channel": options.channel, **content}), now=now, headers={"Authorization": f"Bearer {secrets['token']}"})
    return said if isinstance(said, Answer) else _of_method(said, options)


def _of_webhook(reply: Reply) -> Answer:
    if answer := by_status(reply):
        return answer
    return Answer(outcome="delivered" if reply.text.strip() == "ok" else "unknown", said=reply.words)


def _of_method(reply: Reply, options: SlackOptions) -> Answer:
    if answer := by_status(reply):
        return answer
    error = reply.json.get("error")
    if reply.json.get("ok") is True:
        ts = reply.json.get("ts")
        return Answer(outcome="delivered", said=f"ok, ts {ts}", posted=f"{options.channel}:{ts}" if ts else "")
    if error in ("ratelimited", "rate_limited"):
        return Answer(outcome="retry", said=str(error), retry_after=reply.retry_after)
    return Answer(outcome="unknown" if error is None or error in PERHAPS_TAKEN else "refused", said=str(error or reply.words))


def _escaped(text: str) -> str:
    """Formatting text for app surfaces, Escaping text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


KIND = Kind(options=SlackOptions, send=send, reply=reply, rates=(Rate(messages=1, seconds=1), Rate(messages=30, seconds=60)))
