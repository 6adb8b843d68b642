{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'company_company') }}
),

parsed as (
    {{ parse('source', ['id', 'party', 'currency', 'timezone'], nested=['currency']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as company_id,
        -- landed before the name was asked for, it is the id alone
        try_cast(coalesce(json_extract_string(try_cast(party as json), '$.id'), party) as bigint) as party_id,
        json_extract_string(try_cast(party as json), '$.name') as company_name,
        json_extract_string(currency, '$.code') as currency,
        timezone as time_zone
    from parsed
)

select * from renamed
{{ newest_per_key() }}
