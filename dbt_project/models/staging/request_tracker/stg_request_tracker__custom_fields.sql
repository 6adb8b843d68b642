{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('request_tracker', 'custom_fields') }}
),

parsed as (
    {{ parse('source', ['id', 'Name', 'LookupType']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as custom_field_number,
        Name as custom_field_name,
        LookupType as lookup_type
    from parsed
)

select * from renamed
{{ newest_per_key() }}
