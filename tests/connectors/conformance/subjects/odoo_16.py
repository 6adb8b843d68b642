"""Odoo 16 over JSON-RPC: the same stand-in by its older API, whose errors come with status 200."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.connectors.conformance.subjects.odoo import HISTORY, OdooSubject
from tests.sandbox.odoo.erp import company


@contextmanager
def running(tmp_path: Path) -> Iterator[OdooSubject]:
    with company(tmp_path, version=16, without=()) as erp:
        yield OdooSubject(erp, ("stock_move", HISTORY))
