"""The pages behind a link: what it will do, what it did, why it does nothing. One column, no script, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape

from flows.alerting.clicks import Answer
from flows.alerting.notice import Language

STYLE = (
    "body{margin:0;background:#f4f5f7;color:#222;font:16px/1.6 -apple-system,'Segoe UI',Roboto,'PingFang SC','Microsoft YaHei',sans-serif}"
    "main{max-width:32rem;margin:8vh auto;padding:1.5rem 2rem;background:#fff;border:1px solid #ddd;border-radius:8px}"
    "h1{font-size:1.3rem;margin:0 0 .8rem}.about{padding-left:.8rem;border-left:4px solid #1f578a}"
    "label{display:block;margin:1rem 0 .3rem}input{width:100%;box-sizing:border-box;padding:.6rem;font:inherit;border:1px solid #888;border-radius:4px}"
    "button{margin-top:1rem;padding:.7rem 1.6rem;font:inherit;color:#fff;background:#1f578a;border:0;border-radius:4px}"
)
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
STATUS = {"open": 200, "done": 200, "used": 409, "over": 410, "forged": 403, "gone": 410}
WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {"done": "Done", "used": "This was done already", "over": "This link has expired", "forged": "This is not a link of ours",
           "gone": "There is nothing left to do", "name": "Your name (kept with it)", "sent to": "Sent to",
           "over more": "Open the newest message about it, or use `meridian alerts`.", "forged more": "Perhaps it was cut off when it was copied.",
           "busy": "Too many requests. Try again in a minute.", "lost": "There is nothing here.", "broken": "Something went wrong. Nothing was changed."},
    "zh-CN": {"done": "已完成", "used": "此操作已经执行过", "over": "链接已过期", "forged": "链接无效", "gone": "已无需处理", "name": "您的姓名（将被记录）",
              "sent to": "发送对象", "over more": "请打开最新的相关消息，或使用 meridian alerts。", "forged more": "可能在复制时被截断。",
              "busy": "请求过多，请一分钟后再试。", "lost": "此处没有内容。", "broken": "出错了，未做任何更改。"},
}


def page(answer: Answer, asked: Language) -> str:
    """asked: the language of a reader whose link cannot be read."""
    language = answer.ticket.language if answer.ticket else asked
    words, action = WORDS[language], answer.action
    title = action.title[language] if answer.state == "open" and action else words[answer.state]
    parts = [f"<h1>{escape(title)}</h1>"]
    if answer.about:
        parts.append(f'<p class="about">{escape(answer.about)}</p>')
    if answer.state == "open" and action and answer.ticket:
        parts.append(f"<p>{escape(action.explains[language])}</p><p>{words['sent to']}: {escape(answer.ticket.to)}</p>")
        # No address: the form goes to where the page came from, whatever a proxy calls that.
        parts.append(f'<form method="post"><label for="name">{words["name"]}</label><input id="name" name="name" maxlength="80" autocomplete="name">'
                     f"<button>{escape(title)}</button></form>")
    if answer.said:
        parts.append(f"<p>{escape(answer.said)}</p>")
    elif more := words.get(f"{answer.state} more"):
        parts.append(f"<p>{escape(more)}</p>")
    return document("".join(parts), title, language)


def plain(name: str, language: Language) -> str:
    """A page that says one thing."""
    said = WORDS[language][name]
    return document(f"<p>{escape(said)}</p>", "Meridian", language)


def document(content: str, title: str, language: Language) -> str:
    return (f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f'<meta name="robots" content="noindex"><title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{content}</main></body></html>')
