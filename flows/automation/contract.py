"""What a playbook's step may do to another system: the contract between the executor and the actions.

A *target* is a system we may write to; a *session* is one connection to it, opened for a batch of intents and closed after it. An *action* is one thing that
can be done there. What it says of itself decides what the executor may do when an answer never came:

    A  doing it twice is as doing it once: the target knows our key, or a state is set, not added to. After an unknown answer it may be done again
    B  what was done carries our marker and `look` finds it by that. After an unknown answer it is looked for once the target has settled, done again only
       when it is not there
    C  neither. After an unknown answer a person decides; it is never done again

What an action raises says what is known of the effect:

    ActionError
    ├── Refused         the target said no, for good: a business exception. Nothing was done
    ├── Unavailable     nothing was done, surely (no connection, 429, refused before it was taken); later it may work
    ├── Unanswered      it was sent and no answer came, or one that says nothing (time-out, 5xx, reset): it may have been done
    └── Unrecognized    the target is not as the action knows it (a page or an answer changed): nothing more is done there until a person has looked

None of their texts holds a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from flows.alerting.notice import Language

Json = Any
Parameters = Mapping[str, str]
# What is there of what an action changes: JSON values by names a person can read. {}: there is nothing yet.
State = Mapping[str, Json]
Repeat = Literal["A", "B", "C"]


class ActionError(Exception):
    """An action was not, or perhaps not, done."""


class Refused(ActionError):
    """The target said no, for good. Nothing was done."""


class Unavailable(ActionError):
    """Nothing was done; later it may work. after: seconds the target asked us to wait."""

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Unanswered(ActionError):
    """It was sent; whether it was done is not known."""


class Unrecognized(ActionError):
    """The target is not as the action knows it."""


def holds(found: State, wanted: State) -> bool:
    """Whether what is there is as wanted. What is found beside it, such as the number that a target gave, tells nothing against it."""
    return bool(wanted) and all(name in found and found[name] == value for name, value in wanted.items())


@dataclass(frozen=True, kw_only=True)
class Undo:
    """The action, and its parameters, by which an effect is taken back."""

    action: str
    parameters: Parameters


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing that can be done in a target. `name` is '<kind of target>.<what it does>'.

    parameters: name -> what is to be written there, for whoever writes a playbook; all are text, those that end in "?" may be left out
    repeat: A, B or C, see above
    settles: after so long what was sent is there, or never will be (the target's own time limit)
    look: what is there now of what this would change (of B: of what carries the marker). Given: session, parameters, the intent's marker (lower case letters,
        digits and '-', at most 40). Changes nothing. Raises Refused when its subject does not exist
    wanted: from the parameters and what was there before: what is there afterwards. Verified means that `look` returns all of it (see `holds`)
    act: does it, once. Given: session, parameters, what was there before, the marker
    undo: from the parameters, what was there before, and what `look` returned afterwards: how it is taken back. None: it cannot be
    needs: an option of the target, without which a playbook goes without this step
    """

    name: str
    does: Mapping[Language, str]
    parameters: Mapping[str, str]
    repeat: Repeat
    settles: timedelta
    look: Callable[[Any, Parameters, str], State]
    wanted: Callable[[Parameters, State], State]
    act: Callable[[Any, Parameters, State, str], None]
    undo: Callable[[Parameters, State, State], Undo | None] = lambda parameters, before, after: None
    needs: str = ""

    @property
    def kind(self) -> str:
        """The kind of target it is for."""
        return self.name.split(".")[0]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of target.

    options: name -> what it is, of [automations.targets.<name>] in meridian.toml; those that end in '?' may be left out
    paths: options that are paths; a relative one begins where meridian.toml stands
    secrets: the end of the variables' names, for instance WRITE_KEY: target `erp` has MERIDIAN_ERP_WRITE_KEY. Never the key a source is read with
    open: a session. Given: the options, the secrets by those ends. Raises ActionError; Refused for options or secrets that cannot be right
    check: one harmless request; returns whom we act as there. Raises ActionError
    wrong: from the options: those whose values cannot be right -> why
    beside: of an open session, further ones for the same work side by side, not yet open; what the first one looked over they take as it is
    """

    name: str
    options: Mapping[str, str]
    secrets: tuple[str, ...]
    open: Callable[[Mapping[str, Any], Mapping[str, str]], AbstractContextManager[Any]]
    check: Callable[[Any], str]
    paths: tuple[str, ...] = ()
    wrong: Callable[[Mapping[str, Any]], Mapping[str, str]] = lambda options: {}
    beside: Callable[[Any], Sequence[AbstractContextManager[Any]]] = lambda session: ()
