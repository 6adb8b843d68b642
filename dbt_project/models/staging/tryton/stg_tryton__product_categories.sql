{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'product_category') }}
),

parsed as (
    {{ parse('source', ['id', 'name', 'accounting']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as category_id,
        name,
        lower(accounting) in ('true', '1') as is_for_accounting
    from parsed
)

select * from renamed
{{ newest_per_key() }}
