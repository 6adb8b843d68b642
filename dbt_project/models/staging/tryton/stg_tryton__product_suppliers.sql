{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'purchase_product_supplier') }}
),

parsed as (
    {{ parse('source', ['id', 'party', 'sequence']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as product_supplier_id,
        -- landed before the name was asked for, it is the id alone
        try_cast(coalesce(json_extract_string(try_cast(party as json), '$.id'), party) as bigint) as party_id,
        json_extract_string(try_cast(party as json), '$.name') as supplier,
        try_cast(sequence as bigint) as preference
    from parsed
)

select * from renamed
{{ newest_per_key() }}
