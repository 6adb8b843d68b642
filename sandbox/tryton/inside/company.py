# SPDX-License-Identifier: GPL-3.0-or-later
# GPL-3 because it imports trytond, which is GPL-3. Runs only in the Tryton environment.
"""The company as the loading scripts hold it: Tryton's models, the plan, what exists already, and the clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boot
from masters import Known

from sandbox.company.plan import Plan


@dataclass(kw_only=True)
class Company:
    """Tryton's models, the plan and what is known by name, in one hand.

    sale, opportunity, complaint, purchase: ids of what exists already, by number. A step is taken when its instant lies in
    since < instant <= now: so the same functions write a history and live one more day.
    """

    pool: Any
    plan: Plan
    known: Known
    now: datetime
    since: datetime | None = None
    sale: dict[str, int] = field(default_factory=dict)
    opportunity: dict[str, int] = field(default_factory=dict)
    complaint: dict[str, int] = field(default_factory=dict)
    purchase: dict[str, int] = field(default_factory=dict)
    correction: dict[tuple[str, int], str] = field(default_factory=dict)  # (order, index) -> 'sale.sale,12' or 'account.invoice,3'

    def get(self, model: str) -> Any:
        return self.pool.get(model)

    def at(self, instant: datetime, *, process: bool = True) -> Any:
        return boot.working(instant, company=self.known.company, process=process)

    def click(self, model: str, button: str, ids: Iterable[int]) -> None:
        """Press a button as a person does in the client: with rights checked, and logged as a click of that person."""
        from trytond.transaction import check_access

        Model = self.get(model)
        with check_access():
            getattr(Model, button)(Model.browse(list(ids)))

    def happens(self, instant: datetime | None) -> bool:
        return instant is not None and (self.since is None or self.since < instant) and instant <= self.now

    def home_address(self, party: str) -> int:
        """The first address of a party."""
        return self.known.home[party]
