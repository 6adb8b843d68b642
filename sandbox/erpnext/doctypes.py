"""The doctypes of the stand-in: their columns (of the vendor's, those that anybody here reads), tables, links, and what the framework keeps of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

STANDARD = "name owner creation modified modified_by docstatus idx"
OPTIONAL = "_user_tags _comments _assign _liked_by"      # of documents, not of rows
ROW = "parent parentfield parenttype"
MOVED = "item_code item_name description qty uom conversion_factor stock_qty warehouse rate amount net_rate net_amount"
SOLD = ("naming_series customer customer_name company currency conversion_rate territory total net_total base_net_total status amended_from"
        " workflow_state campaign source")
BOUGHT = "naming_series supplier supplier_name company currency conversion_rate total net_total base_net_total status amended_from workflow_state"
COLUMNS: Mapping[str, str] = {
    "Customer": "customer_name customer_type customer_group territory email_id customer_primary_address disabled",
    "Supplier": "supplier_name supplier_group supplier_type country is_transporter disabled",
    "Item": "item_code item_name item_group description stock_uom is_stock_item standard_rate valuation_rate disabled",
    "Bin": "item_code warehouse actual_qty reserved_qty ordered_qty projected_qty valuation_rate",
    "Lead": "lead_name company_name email_id status source territory lead_owner campaign_name",
    "Opportunity": "naming_series opportunity_from party_name customer_name status sales_stage opportunity_owner opportunity_amount currency"
                   " territory source campaign expected_closing order_lost_reason transaction_date company title",
    "Sales Order": f"{SOLD} transaction_date delivery_date set_warehouse per_delivered per_billed po_no custom_requested_on",
    "Delivery Note": f"{SOLD} posting_date posting_time set_warehouse is_return return_against transporter transporter_name per_billed"
                     " custom_reason custom_fault",
    "Sales Invoice": f"{SOLD} posting_date posting_time due_date is_return return_against outstanding_amount remarks custom_reason custom_fault",
    "Purchase Order": f"{BOUGHT} transaction_date schedule_date set_warehouse per_received",
    "Purchase Receipt": f"{BOUGHT} posting_date posting_time set_warehouse is_return return_against",
    "Issue": "naming_series subject raised_by status priority issue_type customer contact description opening_date opening_time first_responded_on"
             " service_level_agreement sla_resolution_date response_by sla_resolution_by agreement_status email_account via_customer_portal company"
             " custom_team",
    "Communication": "communication_type communication_medium sent_or_received communication_date subject content sender recipients status"
                     " reference_doctype reference_name",
    "Address": "address_title address_type address_line1 city country email_id is_primary_address",
    "Company": "company_name abbr default_currency country",
    "Country": "country_name code time_zones",
    "Warehouse": "warehouse_name company is_group disabled",
    "Territory": "territory_name parent_territory is_group",
    "Item Group": "item_group_name parent_item_group is_group",
    "Sales Stage": "stage_name",
    "Currency Exchange": "date from_currency to_currency exchange_rate for_buying for_selling",
    "Version": "ref_doctype docname data",
    "Comment": "comment_type comment_email reference_doctype reference_name content subject",
    "Deleted Document": "deleted_doctype deleted_name restored new_name data",
    "Sales Order Item": f"{MOVED} delivery_date delivered_qty billed_amt",
    "Delivery Note Item": f"{MOVED} against_sales_order so_detail incoming_rate billed_amt",
    "Sales Invoice Item": f"{MOVED} sales_order so_detail delivery_note",
    "Purchase Order Item": f"{MOVED} schedule_date received_qty",
    "Purchase Receipt Item": f"{MOVED} purchase_order purchase_order_item received_qty",
    "Opportunity Lost Reason Detail": "lost_reason",
}
TABLES: Mapping[str, Mapping[str, str]] = {
    **{doctype: {"items": f"{doctype} Item"} for doctype in ("Sales Order", "Delivery Note", "Sales Invoice", "Purchase Order", "Purchase Receipt")},
    "Opportunity": {"lost_reasons": "Opportunity Lost Reason Detail"},
}
PARENTS: Mapping[str, tuple[str, str]] = {row: (doctype, column) for doctype, tables in TABLES.items() for column, row in tables.items()}
TRACKED = ("Sales Order", "Delivery Note", "Sales Invoice", "Purchase Order", "Purchase Receipt", "Opportunity", "Lead", "Issue", "Customer", "Item")
# Doctype -> where it is named: (doctype, column); of rows, the doctype of the rows. Dynamic links as far as they are in use here.
LINKS: Mapping[str, Sequence[tuple[str, str]]] = {
    "Customer": [(doctype, "customer") for doctype in ("Sales Order", "Delivery Note", "Sales Invoice", "Issue")] + [("Opportunity", "party_name")],
    "Supplier": [("Purchase Order", "supplier"), ("Purchase Receipt", "supplier"), ("Delivery Note", "transporter")],
    "Item": [("Bin", "item_code"), *((row, "item_code") for row in PARENTS if row.endswith(" Item"))],
    "Warehouse": [("Bin", "warehouse"), *((row, "warehouse") for row in PARENTS if row.endswith(" Item"))],
    "Territory": [(doctype, "territory") for doctype in ("Customer", "Lead", "Opportunity", "Sales Order", "Delivery Note", "Sales Invoice")],
    "Address": [("Customer", "customer_primary_address")],
    "Country": [("Address", "country"), ("Supplier", "country"), ("Company", "country")],
    "Lead": [("Opportunity", "party_name")],
    "Sales Order": [("Sales Order", "amended_from"), ("Delivery Note Item", "against_sales_order"), ("Sales Invoice Item", "sales_order")],
    "Delivery Note": [("Delivery Note", "amended_from"), ("Delivery Note", "return_against"), ("Sales Invoice Item", "delivery_note")],
    "Sales Invoice": [("Sales Invoice", "amended_from"), ("Sales Invoice", "return_against")],
    "Purchase Order": [("Purchase Order", "amended_from"), ("Purchase Receipt Item", "purchase_order")],
    "Purchase Receipt": [("Purchase Receipt", "amended_from")],
}
DATES = ("delivery_date", "schedule_date", "posting_date", "transaction_date", "expected_closing", "custom_requested_on", "opening_date")


def columns(doctype: str) -> list[str]:
    beside = ROW if doctype in PARENTS else OPTIONAL
    return [*STANDARD.split(), *beside.split(), *COLUMNS[doctype].split()]
