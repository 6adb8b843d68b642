{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'party_address') }}
),

parsed as (
    {{ parse('source', ['id', 'party', 'country']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as address_id,
        try_cast(party as bigint) as party_id,
        try_cast(country as bigint) as country_id
    from parsed
)

select * from renamed
{{ newest_per_key() }}
