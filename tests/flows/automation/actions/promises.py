"""What every action promises in flows/automation/contract.py, tried on a real system (or its stand-in) behind a proxy that does faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from flows.automation.actions import ACTIONS, KINDS
from flows.automation.contract import Action, Refused, Unanswered, Unavailable, Undo, Unrecognized, holds
from tests.flows.automation.proxy import Proxy

# How often the marker's effect is to be found in the system, or the value that was set: read past the action, straight from the system's own data.
Truth = Callable[[str], Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """done, undone: what `truth` says (of a marker) before, after doing it and after undoing it; undone None: it cannot be undone.
    wrong: parameters that the system must refuse."""

    action: str
    given: Mapping[str, str]
    truth: Truth
    at_first: Any
    done: Any
    undone: Any = None
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def means(self) -> Action:
        return ACTIONS[self.action]


@dataclass(frozen=True, kw_only=True)
class Subject:
    kind: str
    options: Mapping[str, Any]
    secrets: Mapping[str, str]

    def session(self, proxy: Proxy | None = None) -> Any:
        return KINDS[self.kind].open({**self.options, **({"url": proxy.url} if proxy else {})}, self.secrets)


def it_is_done_seen_and_undone(subject: Subject, case: Case, marker: str) -> None:
    action = case.means
    with subject.session() as session:
        before = action.look(session, case.given, marker)
        wanted = action.wanted(case.given, before)
        assert case.truth(marker) == case.at_first
        assert not holds(before, wanted)
        action.act(session, case.given, before, marker)
        after = action.look(session, case.given, marker)
        assert holds(after, wanted)
        assert case.truth(marker) == case.done
        if action.repeat == "A":
            action.act(session, case.given, before, marker)
            assert case.truth(marker) == case.done
        undo = action.undo(case.given, before, after)
        assert (undo is None) == (case.undone is None)
        if undo:
            take_back(session, undo, f"{marker}-u")
            assert case.truth(marker) == case.undone


def take_back(session: Any, undo: Undo, marker: str) -> None:
    action = ACTIONS[undo.action]
    before = action.look(session, undo.parameters, marker)
    action.act(session, undo.parameters, before, marker)
    assert holds(action.look(session, undo.parameters, marker), action.wanted(undo.parameters, before))


# What must be known of each fault, and whether the system did it.
MEANS = {"refused": (Refused, False), "500 before": (Unanswered, False), "429 before": (Unavailable, False), "reset before": (Unanswered, False),
         "500 after": (Unanswered, True), "reset after": (Unanswered, True), "silence after": (Unanswered, True)}


def a_fault_says_what_is_known(subject: Subject, case: Case, marker: str, proxy: Proxy, fault: str) -> None:
    """And whoever looks afterwards sees whether it was done."""
    action = case.means
    means, is_done = MEANS[fault]
    with subject.session(proxy) as session:
        before = action.look(session, case.given, marker)
        wanted = action.wanted(case.given, before)
        proxy.faults = [fault]
        with pytest.raises(means) as caught:
            action.act(session, case.given, before, marker)
        assert type(caught.value) is means
        assert not any(secret in str(caught.value) for secret in subject.secrets.values())
        if fault == "429 before":
            assert caught.value.after == 7
        after = action.look(session, case.given, marker)
        assert holds(after, wanted) == is_done
        assert case.truth(marker) == (case.done if is_done else case.at_first)
        if is_done and (undo := action.undo(case.given, before, after)):
            take_back(session, undo, f"{marker}-u")


def what_is_wrong_is_refused(subject: Subject, case: Case, marker: str) -> None:
    action, given = case.means, {**case.given, **case.wrong}
    with subject.session() as session, pytest.raises(Refused):
        before = action.look(session, given, marker)
        action.wanted(given, before)
        action.act(session, given, before, marker)
    assert case.truth(marker) == case.at_first


def a_login_page_is_not_an_answer(subject: Subject, case: Case, url: str) -> None:
    with pytest.raises(Unrecognized), KINDS[subject.kind].open({**subject.options, "url": url}, subject.secrets) as session:
        case.means.look(session, case.given, "m-1")


def nobody_there_is_unavailable(subject: Subject, case: Case) -> None:
    with pytest.raises(Unavailable), KINDS[subject.kind].open({**subject.options, "url": "http://127.0.0.1:9"}, subject.secrets) as session:
        case.means.look(session, case.given, "m-1")
