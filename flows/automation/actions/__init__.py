"""The actions there are, by name, and the kinds of targets they act in."""

from __future__ import annotations

from collections.abc import Mapping

from flows.automation.actions import asana, jira, register, request_tracker, tryton, zendesk
from flows.automation.contract import Action, Kind
from flows.automation.robots import portal_order

# Where nothing is configured a step is shown as done by the first kind that can: a helpdesk before what only takes tasks.
_MODULES = (portal_order, register, request_tracker, tryton, zendesk, asana, jira)

KINDS: Mapping[str, Kind] = {module.KIND.name: module.KIND for module in _MODULES}
ACTIONS: Mapping[str, Action] = {action.name: action for module in _MODULES for action in module.ACTIONS}
