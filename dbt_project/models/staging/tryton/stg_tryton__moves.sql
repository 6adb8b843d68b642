{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'stock_move') }}
),

parsed as (
    {{ parse('source', ['id', 'quantity', 'cost_price', 'origin', 'shipment', 'effective_date', 'state']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as move_id,
        try_cast(quantity as decimal(18, 4)) as quantity,
        try_cast(cost_price as decimal(18, 4)) as cost_price,
        nullif(split_part(origin, ',', 1), '') as origin_model,
        try_cast(split_part(origin, ',', 2) as bigint) as origin_id,
        nullif(split_part(shipment, ',', 1), '') as shipment_model,
        try_cast(split_part(shipment, ',', 2) as bigint) as shipment_id,
        try_cast(effective_date as date) as effective_on,
        state
    from parsed
)

select * from renamed
{{ newest_per_key() }}
