{{ config(enabled=has_kind('tryton'), materialized='view') }}

with
sale_lines as (
    select * from {{ ref('stg_tryton__sale_lines') }}
    where {{ only_changed('int_changed_orders', "source_name || ':' || sale_id", 'order_id') }}
),

orders as (
    select * from {{ ref('int_orders__tryton') }}
),

moves as (
    select * from {{ ref('stg_tryton__moves') }}
),

products as (
    select * from {{ ref('int_products__tryton') }}
),

moved as (
    select
        source_name,
        origin_id as sale_line_id,
        bool_and(state = 'cancelled') as is_cancelled,
        sum(quantity) filter (where state <> 'cancelled' and cost_price is not null) as costed_quantity,
        sum(quantity * cost_price) filter (where state <> 'cancelled') as moved_cost
    from moves
    semi join sale_lines
        on moves.source_name = sale_lines.source_name
        and moves.origin_id = sale_lines.sale_line_id
    where not is_deleted and origin_model = 'sale.line'
    group by source_name, origin_id
),

final as (
    select
        sale_lines.source_name || ':' || sale_lines.sale_line_id as order_line_id,
        orders.order_id,
        sale_lines.source_name,
        products.product,
        products.product_name,
        sale_lines.quantity,
        sale_lines.unit_price,
        coalesce(sale_lines.amount, cast(sale_lines.quantity * sale_lines.unit_price as decimal(18, 4))) as amount,
        orders.currency,
        {{ cost_of_line('sale_lines.quantity', 'moved.costed_quantity', 'moved.moved_cost', 'products.cost_price') }} as cost_amount_stated,
        products.currency as cost_currency,
        {{ reporting_day('orders.placed_at') }} as priced_on,
        -- the ERP cancels no line; it cancels every movement of its goods
        coalesce(moved.is_cancelled, false) and orders.cancelled_at is null as is_cancelled
    from sale_lines
    inner join orders
        on sale_lines.source_name || ':' || sale_lines.sale_id = orders.order_id
    left join products
        on sale_lines.source_name || ':' || sale_lines.product_id = products.native_product_id
    left join moved
        on sale_lines.source_name = moved.source_name
        and sale_lines.sale_line_id = moved.sale_line_id
    where not sale_lines.is_deleted and sale_lines.kind = 'line'
)

select * from final
