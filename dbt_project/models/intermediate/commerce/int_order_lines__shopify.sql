{{ config(enabled=has_kind('shopify'), materialized='view') }}

with
order_lines as (
    select * from {{ ref('stg_shopify__order_lines') }}
    where {{ only_changed('int_changed_orders', "source_name || ':' || order_number", 'order_id') }}
),

orders as (
    select * from {{ ref('int_orders__shopify') }}
),

refund_lines as (
    select * from {{ ref('stg_shopify__refund_lines') }}
),

products as (
    select * from {{ ref('int_products__shopify') }}
),

refunded as (
    select distinct
        source_name,
        line_number
    from refund_lines
    where line_number is not null
),

final as (
    select
        order_lines.source_name || ':' || order_lines.line_number as order_line_id,
        orders.order_id,
        order_lines.source_name,
        coalesce(order_lines.sku, products.product) as product,
        coalesce(products.product_name, order_lines.name) as product_name,
        order_lines.quantity,
        cast(order_lines.amount / nullif(order_lines.quantity, 0) as decimal(18, 4)) as unit_price,
        cast(order_lines.amount as decimal(18, 4)) as amount,
        order_lines.currency,
        cast(order_lines.quantity * products.cost_price as decimal(18, 4)) as cost_amount_stated,
        products.currency as cost_currency,
        {{ reporting_day('orders.placed_at') }} as priced_on,
        -- taken out of the order and nothing paid back for it; what was paid back is a correction
        order_lines.current_quantity = 0 and refunded.line_number is null and orders.cancelled_at is null as is_cancelled
    from order_lines
    inner join orders
        on order_lines.source_name || ':' || order_lines.order_number = orders.order_id
    left join refunded
        on order_lines.source_name = refunded.source_name
        and order_lines.line_number = refunded.line_number
    left join products
        on order_lines.source_name || ':' || order_lines.variant_number = products.native_product_id
    where not order_lines.is_deleted and order_lines.line_number is not null
)

select * from final
