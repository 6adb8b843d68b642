{{ config(enabled=has_kind('erpnext'), materialized='view') }}

with
order_items as (
    select * from {{ ref('stg_erpnext__sales_order_items') }}
    where {{ only_changed('int_changed_orders', "source_name || ':' || order_name", 'order_id') }}
),

orders as (
    select * from {{ ref('int_orders__erpnext') }}
),

note_items as (
    select * from {{ ref('stg_erpnext__delivery_note_items') }}
),

delivery_notes as (
    select * from {{ ref('stg_erpnext__delivery_notes') }}
),

products as (
    select * from {{ ref('int_products__erpnext') }}
),

-- goods cost what they were valued at when they left; what has not left yet costs what the item is valued at now
moved as (
    select
        note_items.source_name,
        note_items.order_row_name,
        sum(note_items.stock_quantity) filter (where note_items.cost_price is not null) as costed_quantity,
        sum(note_items.stock_quantity * note_items.cost_price) as moved_cost
    from note_items
    inner join delivery_notes
        on note_items.source_name = delivery_notes.source_name
        and note_items.note_name = delivery_notes.note_name
    semi join order_items
        on note_items.source_name = order_items.source_name
        and note_items.order_row_name = order_items.row_name
    where not note_items.is_deleted
        and delivery_notes.docstatus = 1
        and not coalesce(delivery_notes.is_return, false)
    group by note_items.source_name, note_items.order_row_name
),

final as (
    select
        order_items.source_name || ':' || order_items.row_name as order_line_id,
        orders.order_id,
        order_items.source_name,
        coalesce(products.product, order_items.item_code) as product,
        products.product_name,
        order_items.quantity,
        order_items.unit_price,
        coalesce(order_items.amount, cast(order_items.quantity * order_items.unit_price as decimal(18, 4))) as amount,
        orders.currency,
        cast(
            coalesce(moved.moved_cost, 0)
            + case
                when order_items.stock_quantity > coalesce(moved.costed_quantity, 0)
                    then (order_items.stock_quantity - coalesce(moved.costed_quantity, 0)) * products.cost_price
                else 0
            end as decimal(18, 4)
        ) as cost_amount_stated,
        products.currency as cost_currency,
        {{ reporting_day('orders.placed_at') }} as priced_on,
        -- a row is taken out of the order, never cancelled in it
        false as is_cancelled
    from order_items
    inner join orders
        on order_items.source_name || ':' || order_items.order_name = orders.order_id
    left join products
        on order_items.source_name || ':' || order_items.item_code = products.native_product_id
    left join moved
        on order_items.source_name = moved.source_name
        and order_items.row_name = moved.order_row_name
    where not order_items.is_deleted and order_items.row_name <> ''
)

select * from final
