"""Shopify with windows so much larger than pages that most of them come by bulk operations, which fail in turn in every way they can."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors import shopify
from tests.connectors.conformance.subjects.shopify import ShopifySubject
from tests.sandbox.shopify.store import store

FATES = ("FAILED", "cut", "EXPIRED", "short", "forgotten", "CANCELED", "unreachable", "orphan")


class BulkSubject(ShopifySubject):
    """Each operation reads two records between two looks at it."""

    def __init__(self, running: Any) -> None:
        super().__init__(running, ("customers", "orders"))
        self._bulk, self._fates = running.api.bulk, itertools.cycle(FATES)
        self._bulk.pace = 2

    def connect(self, **options: Any) -> shopify.Shopify:
        return super().connect(bulk_after=1, **options)

    def hollow(self, stream: str) -> bool:
        self._bulk.fates.append(next(self._fates))
        self._bulk.busy = 1
        return super().hollow(stream)


@contextmanager
def running(tmp_path: Path) -> Iterator[BulkSubject]:
    with store(tmp_path) as shop:
        yield BulkSubject(shop)
