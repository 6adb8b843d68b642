{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'sale_line') }}
),

parsed as (
    {{ parse('source', ['id', 'sale', 'type', 'product', 'quantity', 'unit_price', 'amount']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as sale_line_id,
        try_cast(sale as bigint) as sale_id,
        type as kind,
        try_cast(product as bigint) as product_id,
        try_cast(quantity as decimal(18, 4)) as quantity,
        try_cast(unit_price as decimal(18, 4)) as unit_price,
        try_cast(amount as decimal(18, 4)) as amount
    from parsed
)

select * from renamed
{{ newest_per_key() }}
