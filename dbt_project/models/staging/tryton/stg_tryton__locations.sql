{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'stock_location') }}
),

parsed as (
    {{ parse('source', ['id', 'code', 'name', 'type']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as location_id,
        code,
        name,
        type as kind
    from parsed
)

select * from renamed
{{ newest_per_key() }}
