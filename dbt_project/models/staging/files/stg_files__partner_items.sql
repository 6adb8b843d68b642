{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'partner_items') }}
),

parsed as (
    {{ parse('source', ['partner', 'product', 'partner_item', 'valid_from']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(partner), '') as partner,
        nullif(trim(product), '') as product,
        nullif(trim(partner_item), '') as partner_item,
        try_cast(valid_from as date) as valid_from,
        {{ unread({'valid_from': 'date'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
