"""Actions that set one field of one record: doing it twice is as doing it once, and it is undone by setting what was there before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from flows.alerting.notice import Language
from flows.automation.contract import Action, Json, Parameters, Refused, State, Undo


def setting(
    name: str, *, does: Mapping[Language, str], of: tuple[str, str], to: tuple[str, str], settles: timedelta,
    read: Callable[[Any, str], Json], write: Callable[[Any, str, Json], None], value: Callable[[str], Json] = str, text: Callable[[Json], str] = str,
) -> Action:
    """of: the parameter that names the record, and what it is. to: that which holds the value. read, write: of the session and the record.
    value: the parameter as `read` returns it. text: the reverse."""
    record, parameter = of[0], to[0]
    return Action(
        name=name, does=does, parameters=dict((of, to)), repeat="A", settles=settles,
        look=lambda session, given, marker: {parameter: read(session, given[record])},
        wanted=lambda given, before: {parameter: value(given[parameter])},
        act=lambda session, given, before, marker: write(session, given[record], value(given[parameter])),
        undo=lambda given, before, after: Undo(action=name, parameters={record: given[record], parameter: text(before[parameter])}),
    )


def closing(
    kind: str, *, settles: timedelta, read: Callable[[Any, str], tuple[str, bool]], write: Callable[[Any, str], None], back: Callable[[str], str] = str,
) -> Action:
    """Close a task, unless somebody has moved it: what a person works on is theirs.

    read: from session and ticket its status, and whether it is over. write: closes it. back: from the status before, the one it is given by `set_status`
    when that is undone.
    """
    def look(session: Any, given: Parameters, marker: str) -> State:
        status, is_over = read(session, given["ticket"])
        return {"status": status, "open": "no" if is_over else "yes"}

    def wanted(given: Parameters, before: State) -> State:
        was = given.get("was")
        if was and before["open"] == "yes" and before["status"] != was:
            raise Refused(f"somebody works on task {given['ticket']}: it was opened as {was}, it is {before['status']}; it stays theirs to close")
        return {"open": "no"}

    return Action(
        name=f"{kind}.close_task", does={"en": "Close a task that nobody has taken up", "zh-CN": "关闭尚无人处理的任务"},
        parameters={"ticket": "its number", "was?": "the status that it must still have where it is open"}, repeat="A", settles=settles,
        look=look, wanted=wanted, act=lambda session, given, before, marker: write(session, given["ticket"]),
        undo=lambda given, before, after: Undo(action=f"{kind}.set_status", parameters={"ticket": given["ticket"], "status": back(str(before["status"]))}))


def autoreply(kind: str, *, settles: timedelta, read: Callable[[Any], str], write: Callable[[Any, str], None]) -> Action:
    """What customers are told automatically: one text of the target, which its option `autoreply` names."""
    return Action(
        name=f"{kind}.set_autoreply", does={"en": "Change what customers are told automatically", "zh-CN": "更改自动回复内容"},
        parameters={"text": "what they are told; empty for nothing"}, repeat="A", settles=settles, needs="autoreply",
        look=lambda session, given, marker: {"text": read(session)}, wanted=lambda given, before: {"text": given["text"]},
        act=lambda session, given, before, marker: write(session, given["text"]),
        undo=lambda given, before, after: Undo(action=f"{kind}.set_autoreply", parameters={"text": str(before["text"])}))
