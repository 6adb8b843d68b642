{{ config(enabled=has_kind('erpnext'), materialized='view') }}

with
order_items as (
    select * from {{ ref('stg_erpnext__purchase_order_items') }}
),

purchase_orders as (
    select * from {{ ref('stg_erpnext__purchase_orders') }}
),

products as (
    select * from {{ ref('int_products__erpnext') }}
),

final as (
    select
        order_items.source_name || ':' || order_items.row_name as draft_line_id,
        order_items.source_name,
        purchase_orders.purchase_name as purchase_number,
        purchase_orders.source_name || ':' || purchase_orders.supplier_number as supplier_id,
        purchase_orders.supplier_number,
        coalesce(products.product, order_items.item_code) as item,
        order_items.quantity,
        purchase_orders.created_at as drafted_at,
        coalesce(order_items.scheduled_on, purchase_orders.scheduled_on) as wanted_on
    from order_items
    inner join purchase_orders
        on order_items.source_name = purchase_orders.source_name
        and order_items.purchase_name = purchase_orders.purchase_name
        and not purchase_orders.is_deleted
    left join products
        on order_items.source_name || ':' || order_items.item_code = products.native_product_id
    where not order_items.is_deleted
        and order_items.row_name <> ''
        and purchase_orders.docstatus = 0
)

select * from final
