"""An action that sets one field of one record: doing it twice is as doing it once, and it is undone by setting what was there before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from flows.alerting.notice import Language
from flows.automation.contract import Action, Json, Undo


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
