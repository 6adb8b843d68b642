{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'product_template') }}
),

parsed as (
    {{ parse('source', ['id', 'name', 'type', 'list_price', 'categories'], nested=['categories']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as template_id,
        name,
        type as kind,
        try_cast(list_price as decimal(18, 4)) as list_price,
        try_cast(categories as bigint[]) as category_ids
    from parsed
)

select * from renamed
{{ newest_per_key() }}
