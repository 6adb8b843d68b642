{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'company_employee') }}
),

parsed as (
    {{ parse('source', ['id', 'party'], nested=['party']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as employee_id,
        try_cast(json_extract_string(party, '$.id') as bigint) as party_id,
        json_extract_string(party, '$.name') as name
    from parsed
)

select * from renamed
{{ newest_per_key() }}
