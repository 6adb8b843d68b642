{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('shopify', 'shop') }}
),

parsed as (
    {{ parse('source', ['name', 'currencyCode', 'ianaTimezone']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name,
        currencycode as currency,
        ianatimezone as time_zone
    from parsed
)

select * from renamed
{{ newest_per_key() }}
