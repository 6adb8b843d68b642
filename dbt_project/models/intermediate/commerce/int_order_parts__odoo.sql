-- Which order a line, a transfer, a movement, its value or an entry of a history belongs to. It is remembered: a part that is deleted does not say any more whose it was.
{{ config(
    enabled=has_kind('odoo'),
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_name', 'model', 'part_id', 'sale_id'],
) }}

with
sale_lines as (
    select * from {{ ref('stg_odoo__sale_lines') }}
),

pickings as (
    select * from {{ ref('stg_odoo__pickings') }}
),

moves as (
    select * from {{ ref('stg_odoo__moves') }}
),

valuation_layers as (
    select * from {{ ref('stg_odoo__valuation_layers') }}
),

tracking_values as (
    select * from {{ ref('stg_odoo__tracking_values') }}
),

moved as (
    select
        moves.source_name,
        moves.move_id,
        sale_lines.sale_id
    from moves
    inner join sale_lines
        on moves.source_name = sale_lines.source_name
        and moves.sale_line_id = sale_lines.sale_line_id
    where {{ landed_tonight_or_all('moves.batch_id') }} or {{ landed_tonight_or_all('sale_lines.batch_id') }}
),

valued as (
    select
        valuation_layers.source_name,
        valuation_layers.layer_id,
        sale_lines.sale_id
    from valuation_layers
    inner join moves
        on valuation_layers.source_name = moves.source_name
        and valuation_layers.move_id = moves.move_id
    inner join sale_lines
        on moves.source_name = sale_lines.source_name
        and moves.sale_line_id = sale_lines.sale_line_id
    where {{ landed_tonight_or_all('valuation_layers.batch_id') }}
        or {{ landed_tonight_or_all('moves.batch_id') }}
        or {{ landed_tonight_or_all('sale_lines.batch_id') }}
),

written_down as (
    select
        tracking_values.source_name,
        tracking_values.change_id,
        case when tracking_values.model = 'sale.order' then tracking_values.document_id else pickings.sale_id end as sale_id
    from tracking_values
    left join pickings
        on tracking_values.source_name = pickings.source_name
        and tracking_values.document_id = pickings.picking_id
        and tracking_values.model = 'stock.picking'
    where {{ landed_tonight_or_all('tracking_values.batch_id') }} or {{ landed_tonight_or_all('pickings.batch_id') }}
),

final as (
    select
        source_name,
        'sale.order.line' as model,
        sale_line_id as part_id,
        sale_id
    from sale_lines
    where sale_id is not null and {{ landed_tonight_or_all() }}
    union
    select
        source_name,
        'stock.picking' as model,
        picking_id as part_id,
        sale_id
    from pickings
    where sale_id is not null and {{ landed_tonight_or_all() }}
    union
    select
        source_name,
        'stock.move' as model,
        move_id as part_id,
        sale_id
    from moved
    where sale_id is not null
    union
    select
        source_name,
        'stock.valuation.layer' as model,
        layer_id as part_id,
        sale_id
    from valued
    where sale_id is not null
    union
    select
        source_name,
        'mail.tracking.value' as model,
        change_id as part_id,
        sale_id
    from written_down
    where sale_id is not null
)

select * from final
