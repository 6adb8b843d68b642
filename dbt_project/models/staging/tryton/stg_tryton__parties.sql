{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'party_party') }}
),

parsed as (
    {{ parse('source', ['id', 'code', 'name', 'create_date']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as party_id,
        code,
        name,
        {{ utc('create_date') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
