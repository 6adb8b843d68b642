-- Which order a line, a movement or a parcel belongs to. It is remembered: a part that is deleted does not say any more whose it was.
{{ config(
    enabled=has_kind('tryton'),
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_name', 'model', 'part_id', 'sale_id'],
) }}

with
sale_lines as (
    select * from {{ ref('stg_tryton__sale_lines') }}
),

moves as (
    select * from {{ ref('stg_tryton__moves') }}
),

moved as (
    select
        moves.source_name,
        moves.move_id,
        moves.shipment_id,
        moves.shipment_model,
        sale_lines.sale_id
    from moves
    inner join sale_lines
        on moves.source_name = sale_lines.source_name
        and moves.origin_id = sale_lines.sale_line_id
    where moves.origin_model = 'sale.line'
        and ({{ landed_tonight_or_all('moves.batch_id') }} or {{ landed_tonight_or_all('sale_lines.batch_id') }})
),

final as (
    select
        source_name,
        'sale.line' as model,
        sale_line_id as part_id,
        sale_id
    from sale_lines
    where sale_id is not null
        and {{ landed_tonight_or_all() }}
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
        shipment_model as model,
        shipment_id as part_id,
        sale_id
    from moved
    where shipment_id is not null and sale_id is not null
)

select * from final
