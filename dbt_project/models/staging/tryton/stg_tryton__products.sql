{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'product_product') }}
),

parsed as (
    {{ parse('source', ['id', 'template', 'code', 'cost_price']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as product_id,
        try_cast(template as bigint) as template_id,
        code,
        try_cast(cost_price as decimal(18, 4)) as cost_price
    from parsed
)

select * from renamed
{{ newest_per_key() }}
