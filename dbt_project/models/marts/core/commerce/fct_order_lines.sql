{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='order_id', meta={'changed': 'int_changed_orders'}) }}

with
order_lines as (
    select * from {{ ref('int_order_lines') }}
    where {{ only_changed('int_changed_orders', 'order_id') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
    where {{ only_changed('int_changed_orders', 'order_id') }}
),

final as (
    select
        order_lines.order_line_id,
        order_lines.order_id,
        order_lines.source_name,
        orders.placed_on,
        order_lines.product,
        order_lines.quantity,
        order_lines.unit_price,
        order_lines.currency,
        order_lines.net_amount,
        order_lines.cost_amount,
        order_lines.is_cancelled
    from order_lines
    inner join orders
        on order_lines.order_id = orders.order_id
)

select * from final
