{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'items') }}
),

parsed as (
    {{ parse('source', ['name', 'item_name', 'item_group', 'is_stock_item', 'standard_rate', 'valuation_rate']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as item_code,
        item_name,
        item_group,
        lower(is_stock_item) in ('true', '1') as is_stock_item,
        try_cast(standard_rate as decimal(18, 4)) as standard_rate,
        try_cast(valuation_rate as decimal(18, 4)) as valuation_rate
    from parsed
)

select * from renamed
{{ newest_per_key() }}
