# SPDX-License-Identifier: GPL-3.0-or-later
# GPL-3 because it imports trytond, which is GPL-3. Runs only in the Tryton environment.
"""Make the empty company: modules activated, one company with a chart of accounts, fiscal years and payment term.

It costs about 25 s of CPU and depends on nothing but this folder and the lock, so its result is cached as one compressed file.
Run as: python create.py FOLDER
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import boot
import time_machine

FOUNDED = datetime(2025, 1, 2, 8, 0, tzinfo=UTC)
YEARS = (2025, 2026, 2027)


def activate_modules(folder: Path) -> Any:
    """What `trytond-admin -u ... --activate-dependencies` does, in this process so that the clock can be moved.

    The administrator has no password: nobody logs in.
    """
    (folder / f"{boot.DATABASE}.sqlite").touch()
    boot.configure(folder)
    boot.alone()
    from trytond import __series__, backend
    from trytond.pool import Pool

    with time_machine.travel(FOUNDED, tick=False):
        database = backend.Database(boot.DATABASE)
        database.connect()
        database.init()
        Pool.start()
        pool = Pool(boot.DATABASE)
        pool.init(update=list(boot.MODULES), lang=["en"], activatedeps=True)
    with boot.working(FOUNDED, user=0):
        Configuration, User, Lang, Wizard = (pool.get(name) for name in ("ir.configuration", "res.user", "ir.lang", "ir.module.config_wizard.item"))
        Configuration.write([Configuration(1)], {"series": __series__, "language": "en"})
        Lang.write(Lang.search([("code", "=", "en")]), {"translatable": True})
        User.create([{"name": "Administrator", "login": "admin", "administrator": True, "email": "admin@example.org"}])
        Wizard.write(Wizard.search([]), {"state": "done"})
    return pool


def found_company(pool: Any) -> None:
    """The company's party, its accounts, years and sequences."""
    with boot.working(FOUNDED, user=boot.ADMINISTRATOR):
        Currency, Party, Company, User = (pool.get(name) for name in ("currency.currency", "party.party", "company.company", "res.user"))
        (euro,) = Currency.create([{"name": "Euro", "code": "EUR", "numeric_code": "978", "symbol": "€", "rounding": Decimal("0.01"), "digits": 2}])
        (party,) = Party.create([{"name": "The company", "addresses": [("create", [{"city": "Berlin"}])]}])
        (company,) = Company.create([{"party": party.id, "currency": euro.id, "timezone": "Europe/Berlin"}])
        User.write([User(boot.ADMINISTRATOR)], {"companies": [("add", [company.id])], "company": company.id})
    with boot.working(FOUNDED, company=company.id):
        company = pool.get("company.company")(company.id)
        create_chart(pool, company)
        for year in YEARS:
            create_fiscal_year(pool, company, year)
        Term = pool.get("account.invoice.payment_term")
        Term.create([{"name": "30 days", "lines": [("create", [{"type": "remainder", "relativedeltas": [("create", [{"days": 30}])]}])]}])


def create_chart(pool: Any, company: Any) -> None:
    """Tryton's universal chart, through its own wizard."""
    ModelData, Template, Account = pool.get("ir.model.data"), pool.get("account.account.template"), pool.get("account.account")
    Wizard = pool.get("account.create_chart", type="wizard")
    session, _, _ = Wizard.create()
    wizard = Wizard(session)
    wizard.account.account_template = Template(ModelData.get_id("account", "account_template_root_en"))
    wizard.account.company = company
    wizard.transition_create_account()
    properties = wizard.states["properties"].get_defaults(wizard, "properties", list(wizard.properties._fields))
    for name, value in properties.items():
        if name in wizard.properties._fields:
            setattr(wizard.properties, name, value)
    for name, kind in (("account_receivable", "receivable"), ("account_payable", "payable")):
        (account,) = Account.search([(f"type.{kind}", "=", True), ("party_required", "=", True), ("company", "=", company.id)], limit=1)
        setattr(wizard.properties, name, account)
    wizard.transition_create_properties()
    Wizard.delete(session)


def create_fiscal_year(pool: Any, company: Any, year: int) -> None:
    Strict, Type, FiscalYear, InvoiceSequence = (
        pool.get(name) for name in ("ir.sequence.strict", "ir.sequence.type", "account.fiscalyear", "account.fiscalyear.invoice_sequence")
    )
    (move_type,) = Type.search([("name", "=", "Account Move")], limit=1)
    (invoice_type,) = Type.search([("name", "=", "Invoice")], limit=1)
    moves, invoices = Strict.create(
        [
            {"name": f"Moves {year}", "sequence_type": move_type.id, "company": company.id, "prefix": f"{year}/", "padding": 6},
            {"name": f"Invoices {year}", "sequence_type": invoice_type.id, "company": company.id, "prefix": f"{year}-", "padding": 6},
        ]
    )
    fiscal_year = FiscalYear(name=str(year), company=company, start_date=date(year, 1, 1), end_date=date(year, 12, 31), move_sequence=moves)
    fiscal_year.invoice_sequences = [
        InvoiceSequence(
            company=company, in_invoice_sequence=invoices, in_credit_note_sequence=invoices, out_invoice_sequence=invoices, out_credit_note_sequence=invoices
        )
    ]
    fiscal_year.save()
    FiscalYear.create_period([fiscal_year])


if __name__ == "__main__":
    found_company(activate_modules(Path(sys.argv[1])))
