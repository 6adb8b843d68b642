"""The plan's facts, told again from what the API says: the same derivations that the staging and intermediate models make in SQL."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from tests.sandbox.tryton.box import instant

Row = dict[str, Any]


class Reading:
    """Everything read from one Tryton: `streams` is stream → id → record."""

    def __init__(self, streams: Mapping[str, Mapping[int, Row]]) -> None:
        self.streams = streams

    def __getattr__(self, stream: str) -> Mapping[int, Row]:
        return self.streams[stream]

    @cached_property
    def reached(self) -> dict[tuple[str, str], list[datetime]]:
        """(resource, target) → when, the first first."""
        moments: defaultdict[tuple[str, str], list[datetime]] = defaultdict(list)
        for row in self.ir_model_log.values():
            at = instant(row["create_date"])
            assert at is not None
            moments[row["resource"], row["target"]].append(at)
        return {where: sorted(found) for where, found in moments.items()}

    def first(self, resource: str, target: str) -> datetime | None:
        return next(iter(self.reached.get((resource, target), ())), None)

    def code(self, party: int) -> str:
        return str(self.party_party[party]["code"])

    def product(self, number: int) -> str:
        return str(self.product_product[number]["code"])

    def region(self, address: int | None) -> str | None:
        country = self.party_address[address]["country"] if address else None
        region = self.country_country[country]["region"] if country else None
        return region["name"] if region else None

    def email(self, party: int) -> str | None:
        return next((row["value"] for row in self.party_contact_mechanism.values() if row["party"] == party and row["type"] == "email"), None)

    @cached_property
    def lines(self) -> dict[int, list[Row]]:
        return group(self.sale_line.values(), "sale")

    @cached_property
    def parcels(self) -> dict[int, dict[int, dict[str, float]]]:
        """Sale → shipment → product → pieces."""
        found: defaultdict[int, defaultdict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        for move in self.stock_move.values():
            if move["origin"].startswith("sale.line,") and (move["shipment"] or "").startswith("stock.shipment.out,"):
                sale = self.sale_line[reference(move["origin"])]["sale"]
                found[sale][reference(move["shipment"])][self.product(move["product"])] = move["quantity"]
        return {sale: {parcel: dict(pieces) for parcel, pieces in parcels.items()} for sale, parcels in found.items()}

    def orders(self) -> dict[str, Row]:
        return {
            row["number"]: self.order(row) for row in self.sale_sale.values() if row["quotation_date"] and not (row["origin"] or "").startswith("sale.sale,")
        }

    def order(self, row: Row) -> Row:
        me = f"sale.sale,{row['id']}"
        parcels = sorted(
            (self.parcel(parcel, pieces) for parcel, pieces in self.parcels.get(row["id"], {}).items()), key=lambda parcel: sorted(parcel["quantities"])
        )
        medium, campaign = row["marketing_medium"], row["marketing_campaign"]
        return {
            "customer": self.code(row["party"]),
            "currency": self.currency_currency[row["currency"]]["code"],
            "warehouse": self.stock_location[row["warehouse"]]["code"],
            "channel": self.marketing_medium[medium]["name"] if medium else "unknown",
            "campaign": self.marketing_campaign[campaign]["name"] if campaign else None,
            "region": self.region(row["shipment_address"]),
            "placed_at": self.first(me, "state:quotation"),
            "confirmed_at": self.first(me, "state:confirmed"),
            "cancelled_at": self.first(me, "state:cancelled") if row["state"] == "cancelled" else None,
            "requested_on": noted(row["comment"], r"Requested on (\S+)"),
            "promised_on": min([parcel["first"] for parcel in parcels] or [day(row["shipping_date"])]),
            "promised_last_on": max([parcel["last"] for parcel in parcels] or [day(row["shipping_date"])]),
            "net": Decimal(row["untaxed_amount"]),
            "lines": sorted((self.product(line["product"]), line["quantity"], Decimal(line["unit_price"])) for line in self.lines[row["id"]]),
            "parcels": [{name: value for name, value in parcel.items() if name not in ("first", "last")} for parcel in parcels],
        }

    def parcel(self, number: int, pieces: Mapping[str, float]) -> Row:
        row, me = self.stock_shipment_out[number], f"stock.shipment.out,{number}"
        stages = {
            f"{name}_at": self.first(me, f"state:{state}")
            for name, state in (("picked", "picked"), ("packed", "packed"), ("shipped", "shipped"), ("delivered", "done"))
        }
        return {
            "quantities": dict(pieces),
            **stages,
            "first": day(row["origin_planned_date"]),
            "last": day(row["planned_date"]),
            "carrier": self.carrier[row["carrier"]]["party"]["name"] if row["carrier"] else None,
        }

    def corrections(self) -> list[tuple[Any, ...]]:
        found = []
        for row in self.sale_sale.values():
            if (row["origin"] or "").startswith("sale.sale,"):
                order = self.sale_sale[reference(row["origin"])]["number"]
                kind, reason = row["description"].lower().split(": ")
                pieces = {self.product(line["product"]): -line["quantity"] for line in self.lines[row["id"]]}
                found.append(
                    (
                        order,
                        kind,
                        reason,
                        row["comment"] == "Fault: ours",
                        self.first(f"sale.sale,{row['id']}", "state:quotation"),
                        sorted(pieces.items()),
                        -Decimal(row["untaxed_amount"]),
                    )
                )
        lines = group(self.account_invoice_line.values(), "invoice")
        for row in self.account_invoice.values():
            kind, reason = row["description"].lower().split(": ")
            pieces = {self.product(line["product"]): -line["quantity"] for line in lines[row["id"]]}
            found.append(
                (
                    row["reference"],
                    kind,
                    reason,
                    row["comment"] == "Fault: ours",
                    instant(row["create_date"]),
                    sorted(pieces.items()),
                    -Decimal(row["untaxed_amount"]),
                )
            )
        return sorted(found)

    def leads(self) -> dict[str, Row]:
        sale_of = {reference(row["origin"]): row for row in self.sale_sale.values() if (row["origin"] or "").startswith("sale.opportunity,")}
        found = {}
        for row in self.sale_opportunity.values():
            me, sale = f"sale.opportunity,{row['id']}", sale_of.get(row["id"])
            its = f"sale.sale,{sale['id']}" if sale else ""
            medium, campaign = row["marketing_medium"], row["marketing_campaign"]
            found[row["number"]] = {
                "customer": self.code(row["party"]),
                "owner": self.email(self.company_employee[row["employee"]]["party"]["id"]),
                "region": self.region(row["address"]),
                "channel": self.marketing_medium[medium]["name"] if medium else "unknown",
                "campaign": self.marketing_campaign[campaign]["name"] if campaign else None,
                "created_at": instant(row["create_date"]),
                "opportunity": self.first(me, "state:opportunity"),
                "offer": self.first(me, "state:converted"),
                "won": self.first(its, "state:quotation") if row["state"] == "won" else None,
                "lost": (self.first(me, "lost") or self.first(its, "state:cancelled")) if row["state"] == "lost" else None,
                "cancelled": self.first(me, "cancel") if row["state"] == "cancelled" else None,
                "lost_reason": row["lost_reason"],
                "state": row["state"],
                "order": sale["number"] if sale and row["state"] == "won" else None,
                "amount": Decimal(row["amount"]),
            }
        return found

    def complaints(self) -> dict[str, Row]:
        found = {}
        for row in self.sale_complaint.values():
            me, kind = f"sale.complaint,{row['id']}", self.sale_complaint_type[row["type"]]["name"]
            found[row["number"]] = {
                "order": self.sale_sale[reference(row["origin"])]["number"],
                "ticket": row["reference"],
                "kind": kind.removesuffix(" (major)"),
                "is_major": kind.endswith("(major)"),
                "opened_at": self.first(me, "state:waiting"),
                "due_at": instant(noted_text(row["description"], r"Due: (\S+)")),
                "resolved_at": self.first(me, f"state:{row['state']}") if row["state"] in ("done", "rejected") else None,
                "is_agreed": {"done": True, "rejected": False}.get(row["state"]),
            }
        return found

    def purchases(self) -> dict[str, Row]:
        lines, moves = group(self.purchase_line.values(), "purchase"), {move["origin"]: move for move in self.stock_move.values()}
        found = {}
        for row in self.purchase_purchase.values():
            its = [(line, moves.get(f"purchase.line,{line['id']}")) for line in lines[row["id"]]]
            arrivals = {self.first(str(move["shipment"]), "state:done") for _, move in its if move and move["state"] == "done"}
            found[row["number"]] = {
                "supplier": self.code(row["party"]),
                "warehouse": self.stock_location[row["warehouse"]]["code"],
                "promised_on": day(row["delivery_date"]),
                "ordered_at": self.first(f"purchase.purchase,{row['id']}", "state:quotation") or instant(row["create_date"]),
                "received_at": next(iter(arrivals), None),
                "received_on": next((day(move["effective_date"]) for _, move in its if move and move["state"] == "done"), None),
                "state": row["state"],
                "lines": sorted((self.product(line["product"]), line["quantity"], Decimal(line["unit_price"])) for line, _ in its),
            }
        return found


def group(rows: Iterable[Row], name: str) -> defaultdict[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found


def reference(text: str) -> int:
    return int(text.split(",")[1])


def day(text: str) -> date:
    return date.fromisoformat(text)


def noted_text(text: str | None, pattern: str) -> str | None:
    found = re.search(pattern, text or "")
    return found.group(1) if found else None


def noted(text: str | None, pattern: str) -> date | None:
    found = noted_text(text, pattern)
    return date.fromisoformat(found) if found else None
