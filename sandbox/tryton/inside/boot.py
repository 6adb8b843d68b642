# SPDX-License-Identifier: GPL-3.0-or-later
# GPL-3 because it imports trytond, which is GPL-3. Runs only in the Tryton environment.
"""Open a Tryton database in this process, and work in it under the company's clock.

Tryton's own "now" on SQLite is `datetime.now()`, taken once per transaction: with the clock moved and TZ=UTC every
create_date, write_date and log line carries the company's instant.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import time_machine

DATABASE = "company"
ADMINISTRATOR = 1  # res.user 0 is Tryton itself
MODULES = (
    "party",
    "company",
    "currency",
    "country",
    "product",
    "sale",
    "sale_opportunity",
    "sale_complaint",
    "purchase",
    "purchase_request",
    "stock",
    "stock_supply",
    "account",
    "account_product",
    "account_invoice",
    "account_invoice_stock",
    "marketing_campaign",
    "carrier",
    "stock_shipment_cost",
)


def configure(folder: Path) -> None:
    """Point Tryton at the SQLite databases in `folder`. Must come before any other import of trytond: modules read the configuration when imported."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    import trytond.config

    trytond.config.set("database", "uri", "sqlite://")
    trytond.config.set("database", "path", str(folder.resolve()))


def alone() -> None:
    """This process is the only one that writes: taking a table lock (and starting the transaction over because of it) is needless work."""
    from trytond.transaction import Transaction

    Transaction.lock_table = lambda self, table: None
    Transaction.lock_records = lambda self, table, ids: None


def open_pool(folder: Path) -> Any:
    """The model registry of the company's database in `folder`."""
    configure(folder)
    from trytond.pool import Pool

    alone()
    Pool.start()
    pool = Pool(DATABASE)
    pool.init()
    return pool


@contextmanager
def working(at: datetime, *, company: int | None = None, user: int = ADMINISTRATOR, process: bool = True) -> Iterator[Any]:
    """One transaction at the frozen instant `at`, committed at the end. Warnings are acknowledged.

    What Tryton put off to its queue (such as making the shipments of a confirmed sale) is run right after, at the same instant;
    with process=False it is dropped, which leaves a sale confirmed but not yet processing.
    """
    from trytond.pool import Pool
    from trytond.transaction import Transaction
    from trytond.worker import run_task

    context: dict[str, Any] = {"_skip_warnings": True}
    if company is not None:
        context.update(company=company, companies=[company])
    with time_machine.travel(at, tick=False):
        with Transaction().start(DATABASE, user, context=context) as transaction:
            yield transaction
            if not process:
                tasks = list(transaction.tasks)
                transaction.tasks.clear()
                Queue = Pool().get("ir.queue")
                Queue.delete(Queue.browse(tasks))
            transaction.commit()
        while transaction.tasks:
            run_task(Pool(DATABASE), transaction.tasks.pop())
