{{ config(enabled=has_kind('erpnext'), materialized='view') }}

with
order_items as (
    select * from {{ ref('stg_erpnext__purchase_order_items') }}
),

purchase_orders as (
    select * from {{ ref('stg_erpnext__purchase_orders') }}
),

receipt_items as (
    select * from {{ ref('stg_erpnext__purchase_receipt_items') }}
),

receipts as (
    select * from {{ ref('stg_erpnext__purchase_receipts') }}
),

suppliers as (
    select * from {{ ref('stg_erpnext__suppliers') }}
),

document_states as (
    select * from {{ ref('int_document_states__erpnext') }}
),

products as (
    select * from {{ ref('int_products__erpnext') }}
),

places as (
    select * from {{ ref('stg_erpnext__warehouses') }}
),

warehouses as (
    select * from {{ ref('warehouses') }}
),

arrivals as (
    select
        receipt_items.source_name,
        receipt_items.purchase_row_name,
        sum(receipt_items.quantity) as quantity,
        max(document_states.submitted_at) as received_at,
        max(receipts.posted_on) as posted_on
    from receipt_items
    inner join receipts
        on receipt_items.source_name = receipts.source_name
        and receipt_items.receipt_name = receipts.receipt_name
        and receipts.docstatus = 1
        and not coalesce(receipts.is_return, false)
    left join document_states
        on receipts.source_name = document_states.source_name
        and document_states.doctype = 'Purchase Receipt'
        and receipts.receipt_name = document_states.document_name
    where not receipt_items.is_deleted and receipt_items.purchase_row_name is not null
    group by receipt_items.source_name, receipt_items.purchase_row_name
),

-- a draft is not ordered yet; what was cancelled to be amended goes on as its later version
ordered as (
    select * from purchase_orders
    where not is_deleted
        and docstatus <> 0
        and (source_name, purchase_name) not in (
            select (source_name, amended_from) from purchase_orders where not is_deleted and amended_from is not null
        )
),

final as (
    select
        order_items.source_name || ':' || order_items.row_name as receipt_id,
        order_items.source_name,
        ordered.purchase_name as purchase_number,
        ordered.source_name || ':' || ordered.supplier_number as supplier_id,
        ordered.supplier_number,
        coalesce(suppliers.supplier, ordered.supplier_number) as supplier,
        coalesce(products.product, order_items.item_code) as item,
        coalesce(places.warehouse, ordered.warehouse_key, order_items.warehouse_key) as warehouse,
        warehouses.time_zone as warehouse_time_zone,
        coalesce(document_states.submitted_at, ordered.created_at) as ordered_at,
        {{ reporting_day('coalesce(document_states.submitted_at, ordered.created_at)') }} as ordered_on,
        coalesce(order_items.scheduled_on, ordered.scheduled_on) as promised_on,
        -- a row has come when nothing of it is still to come
        case when arrivals.quantity >= order_items.quantity then arrivals.received_at end as received_at,
        case
            when arrivals.quantity >= order_items.quantity then coalesce({{ reporting_day('arrivals.received_at') }}, arrivals.posted_on)
        end as received_on,
        ordered.docstatus = 2 as is_cancelled,
        order_items.quantity
    from order_items
    inner join ordered
        on order_items.source_name = ordered.source_name
        and order_items.purchase_name = ordered.purchase_name
    left join document_states
        on ordered.source_name = document_states.source_name
        and document_states.doctype = 'Purchase Order'
        and ordered.purchase_name = document_states.document_name
    left join arrivals
        on order_items.source_name = arrivals.source_name
        and order_items.row_name = arrivals.purchase_row_name
    left join suppliers
        on ordered.source_name = suppliers.source_name
        and ordered.supplier_number = suppliers.supplier_number
        and not suppliers.is_deleted
    left join products
        on order_items.source_name || ':' || order_items.item_code = products.native_product_id
    left join places
        on ordered.source_name = places.source_name
        and coalesce(ordered.warehouse_key, order_items.warehouse_key) = places.warehouse_key
        and not places.is_deleted
    left join warehouses
        on places.warehouse = warehouses.warehouse
    where not order_items.is_deleted and order_items.row_name <> ''
)

select * from final
