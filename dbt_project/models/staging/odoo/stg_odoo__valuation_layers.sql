{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'stock_valuation_layer') }}
),

parsed as (
    {{ parse('source', ['id', 'stock_move_id', 'quantity', 'value']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as layer_id,
        try_cast(stock_move_id as bigint) as move_id,
        try_cast(quantity as decimal(18, 4)) as quantity,
        try_cast(value as decimal(18, 4)) as value
    from parsed
)

select * from renamed
{{ newest_per_key() }}
