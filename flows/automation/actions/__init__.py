"""The actions there are, by name, and the kinds of targets they act in."""

from __future__ import annotations

from collections.abc import Mapping

from flows.automation.contract import Action, Kind

_KINDS: tuple[Kind, ...] = ()
_ACTIONS: tuple[Action, ...] = ()

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _KINDS}
ACTIONS: Mapping[str, Action] = {action.name: action for action in _ACTIONS}
