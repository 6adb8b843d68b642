{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'addresses') }}
),

parsed as (
    {{ parse('source', ['name', 'country']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as address_name,
        country
    from parsed
)

select * from renamed
{{ newest_per_key() }}
