{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('shopify', 'locations') }}
),

parsed as (
    {{ parse('source', ['name']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        {{ shopify_number('record_key') }} as location_number,
        name
    from parsed
)

select * from renamed
{{ newest_per_key() }}
