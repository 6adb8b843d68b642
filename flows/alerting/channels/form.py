"""What the forms of all channels share: words in two languages, trends as text, and shortening to a limit in bytes."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from flows.alerting.notice import Item, Language, Notice

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {"why": "Why", "steps": "What to do", "owner": "Owner", "more": "and {n} more", "colon": ": ",
           "perhaps_again": "You may have received this before: the first time no answer came.",
           "instead": "Sent here because the channel {channel} could not take it."},
    "zh-CN": {"why": "原因", "steps": "处理步骤", "owner": "负责人", "more": "另有 {n} 项", "colon": "：",
              "perhaps_again": "您可能已收到过此消息：上次发送未得到回应。", "instead": "通道 {channel} 无法送达，故改发至此。"},
}
_BARS = "▁▂▃▄▅▆▇█"
_JOINS = {"\u200d", "\ufe0e", "\ufe0f"}           # what ties a character to the one before it
_CLIPS = (None, 1200, 600, 300, 150, 80, 40)      # bytes that a single text may have, tried in this order


def word(notice: Notice, name: str, **values: object) -> str:
    return WORDS[notice.language][name].format(**values)


def spark(trend: Sequence[float | None]) -> str:
    """A trend as a line of text, oldest first; '·' where there was no value, '' for fewer than two values."""
    known = [value for value in trend if value is not None]
    if len(known) < 2:
        return ""
    least, span = min(known), max(known) - min(known)
    return "".join("·" if value is None else _BARS[round((value - least) / span * 7) if span else 3] for value in trend)


def line(notice: Notice, item: Item, escape: Callable[[str], str] = str) -> str:
    """An item in one line."""
    parts = [escape(item.subject), escape(item.text)]
    return " ".join(part for part in (word(notice, "colon").join(part for part in parts if part), spark(item.trend)) if part)


def cut(text: str, most: int) -> str:
    """The text in at most so many bytes of UTF-8, with an ellipsis where something is gone; never inside a character, nor between one and its marks."""
    data = text.encode()
    if len(data) <= most:
        return text
    kept = data[: max(most - 3, 0)].decode(errors="ignore")
    while kept and (unicodedata.combining(text[len(kept)]) or text[len(kept)] in _JOINS or kept[-1] == "\u200d"):
        kept = kept[:-1]
    return kept.rstrip() + "…" if most >= 3 else ""


def fit(notice: Notice, fits: Callable[[Notice], bool]) -> Notice:
    """The most of a notice that still `fits`: fewer items first ('and 37 more'), then shorter texts, last without reasons, steps and small print.
    Title and actions stay whatever happens."""
    if fits(notice):
        return notice
    for shape in (*(_clipped(notice, most) for most in _CLIPS), replace(_clipped(notice, _CLIPS[-1]), why=(), steps=(), footer="")):
        if shape.items and fits(_fewer(shape, 1)):
            few, many = 1, 2                    # from below: of what is far too large only what fits is ever written out
            while many < len(shape.items) and fits(_fewer(shape, many)):
                few, many = many, many * 2
            many = min(many, len(shape.items)) - 1
            while few < many:
                middle = (few + many + 1) // 2
                few, many = (middle, many) if fits(_fewer(shape, middle)) else (few, middle - 1)
            return _fewer(shape, few)
        if not shape.items and fits(shape):
            return shape
    return replace(_fewer(_clipped(notice, _CLIPS[-1]), 0), why=(), steps=(), footer="", links=tuple(link for link in notice.links if link.is_action)[:1])


def _fewer(notice: Notice, count: int) -> Notice:
    left = len(notice.items) - count
    return replace(notice, items=(*notice.items[:count], Item(subject="", text=word(notice, "more", n=left)))) if left > 0 else notice


def _clipped(notice: Notice, most: int | None) -> Notice:
    if most is None:
        return notice
    return replace(
        notice, title=cut(notice.title, max(most, 80)), lead=cut(notice.lead, most * 2), owner=cut(notice.owner, most), footer=cut(notice.footer, most),
        items=tuple(replace(item, subject=cut(item.subject, most), text=cut(item.text, most), trend=item.trend[-24:]) for item in notice.items),
        why=tuple(cut(text, most) for text in notice.why[:3]), steps=tuple(cut(text, most) for text in notice.steps[:4]),
        links=tuple(replace(link, text=cut(link.text, 60)) for link in notice.links))


def plain(notice: Notice) -> str:
    """The whole of a notice as text: of a mail's text part, of what is sent to systems that know nothing else."""
    parts = [notice.title, notice.lead, "\n".join(f"- {line(notice, item)}" for item in notice.items)]
    if notice.why:
        parts.append("\n".join([word(notice, "why"), *(f"- {text}" for text in notice.why)]))
    if notice.steps:
        parts.append("\n".join([word(notice, "steps"), *(f"{number}. {text}" for number, text in enumerate(notice.steps, start=1))]))
    if notice.owner:
        parts.append(f"{word(notice, 'owner')}{word(notice, 'colon')}{notice.owner}")
    parts.append("\n".join(f"{link.text}{word(notice, 'colon')}{link.url}" for link in notice.links))
    parts.append(notice.footer)
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown(notice: Notice, escape: Callable[[str], str], *, with_actions: bool, newline: str = "\n") -> str:
    """Everything below the title in the Markdown that chat systems share. with_actions: the buttons, too, as links."""
    parts = [escape(notice.lead), newline.join(f"- {line(notice, item, escape)}" for item in notice.items)]
    if notice.why:
        parts.append(newline.join([f"**{word(notice, 'why')}**", *(f"- {escape(text)}" for text in notice.why)]))
    if notice.steps:
        parts.append(newline.join([f"**{word(notice, 'steps')}**", *(f"{number}. {escape(text)}" for number, text in enumerate(notice.steps, start=1))]))
    if notice.owner:
        parts.append(f"**{word(notice, 'owner')}**{word(notice, 'colon')}{escape(notice.owner)}")
    parts.append("　".join(f"[{escape(link.text)}]({link.url})" for link in notice.links if with_actions or not link.is_action))
    return (newline * 2).join(part for part in parts if part)


def unlinked(text: str) -> str:
    """Text out of a source system for a Markdown without documented escapes: it can make no link, picture, mention or tag there."""
    return text.replace("](", "] (").replace("<", "＜").replace("*", "＊").replace("`", "'")
