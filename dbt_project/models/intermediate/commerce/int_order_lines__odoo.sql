{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
sale_lines as (
    select * from {{ ref('stg_odoo__sale_lines') }}
    where {{ only_changed('int_changed_orders', "source_name || ':' || sale_id", 'order_id') }}
),

orders as (
    select * from {{ ref('int_orders__odoo') }}
),

moves as (
    select * from {{ ref('stg_odoo__moves') }}
),

pickings as (
    select * from {{ ref('stg_odoo__pickings') }}
),

picking_types as (
    select * from {{ ref('stg_odoo__picking_types') }}
),

valuation_layers as (
    select * from {{ ref('stg_odoo__valuation_layers') }}
),

products as (
    select * from {{ ref('int_products__odoo') }}
),

-- up to 18 what goods were worth is kept beside the movement, from 19 on in it; a layer of what left is negative
layered as (
    select
        source_name,
        move_id,
        -sum(quantity) as quantity,
        -sum(value) as value
    from valuation_layers
    where not is_deleted and move_id is not null
    group by source_name, move_id
),

moved as (
    select
        moves.source_name,
        moves.sale_line_id,
        bool_and(moves.state = 'cancel') as is_cancelled,
        sum(coalesce(layered.quantity, moves.quantity))
            filter (where moves.state = 'done' and coalesce(layered.value, moves.value) is not null) as costed_quantity,
        sum(coalesce(layered.value, moves.value)) filter (where moves.state = 'done') as moved_cost
    from moves
    semi join sale_lines
        on moves.source_name = sale_lines.source_name
        and moves.sale_line_id = sale_lines.sale_line_id
    inner join pickings
        on moves.source_name = pickings.source_name
        and moves.picking_id = pickings.picking_id
    inner join picking_types
        on pickings.source_name = picking_types.source_name
        and pickings.picking_type_id = picking_types.picking_type_id
        and picking_types.direction = 'outgoing'
    left join layered
        on moves.source_name = layered.source_name
        and moves.move_id = layered.move_id
    where not moves.is_deleted
    group by moves.source_name, moves.sale_line_id
),

final as (
    select
        sale_lines.source_name || ':' || sale_lines.sale_line_id as order_line_id,
        orders.order_id,
        sale_lines.source_name,
        products.product,
        products.product_name,
        sale_lines.quantity,
        cast(sale_lines.list_unit_price * (1 - coalesce(sale_lines.discount_percent, 0) / 100) as decimal(18, 4)) as unit_price,
        sale_lines.amount,
        orders.currency,
        {{ cost_of_line('sale_lines.quantity', 'moved.costed_quantity', 'moved.moved_cost', 'products.cost_price') }} as cost_amount_stated,
        products.currency as cost_currency,
        {{ reporting_day('orders.placed_at') }} as priced_on,
        -- nobody cancels a line; its deliveries are
        coalesce(moved.is_cancelled, false) and orders.cancelled_at is null as is_cancelled
    from sale_lines
    inner join orders
        on sale_lines.source_name || ':' || sale_lines.sale_id = orders.order_id
    left join products
        on sale_lines.source_name || ':' || sale_lines.product_id = products.native_product_id
    left join moved
        on sale_lines.source_name = moved.source_name
        and sale_lines.sale_line_id = moved.sale_line_id
    where not sale_lines.is_deleted and sale_lines.display_type is null
)

select * from final
