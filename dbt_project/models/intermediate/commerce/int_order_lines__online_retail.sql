{{ config(enabled=has_kind('online_retail'), materialized='view') }}

with
lines as (
    select * from {{ ref('stg_online_retail__lines') }}
    where {{ only_changed_numbers('int_changed_orders', 'order_id', 'invoice_number') }}
),

orders as (
    select * from {{ ref('int_orders__online_retail') }}
),

final as (
    select
        lines.source_name || ':' || lines.record_key as order_line_id,
        orders.order_id,
        lines.source_name,
        lines.stock_code as product,
        lines.description as product_name,
        cast(lines.quantity as decimal(18, 4)) as quantity,
        lines.unit_price,
        cast(lines.quantity * lines.unit_price as decimal(18, 4)) as amount,
        orders.currency,
        cast(null as decimal(18, 4)) as cost_amount_stated,
        cast(null as varchar) as cost_currency,
        {{ reporting_day('orders.placed_at') }} as priced_on,
        false as is_cancelled
    from lines
    inner join orders
        on lines.source_name = orders.source_name
        and lines.invoice_number = orders.order_number
    where not lines.is_deleted
)

select * from final
