{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'party_contact_mechanism') }}
),

parsed as (
    {{ parse('source', ['id', 'party', 'type', 'value']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as contact_mechanism_id,
        try_cast(party as bigint) as party_id,
        type as kind,
        "value" as value
    from parsed
)

select * from renamed
{{ newest_per_key() }}
