{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'stock_counts') }}
),

parsed as (
    {{ parse('source', ['counted_on', 'warehouse', 'product', 'on_hand']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(counted_on as date) as counted_on,
        nullif(trim(warehouse), '') as warehouse,
        nullif(trim(product), '') as product,
        try_cast(on_hand as double) as on_hand,
        {{ unread({'counted_on': 'date', 'on_hand': 'double'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
