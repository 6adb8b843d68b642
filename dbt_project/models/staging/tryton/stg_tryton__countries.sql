{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'country_country') }}
),

parsed as (
    {{ parse('source', ['id', 'code', 'region'], nested=['region']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as country_id,
        code,
        json_extract_string(region, '$.name') as region
    from parsed
)

select * from renamed
{{ newest_per_key() }}
