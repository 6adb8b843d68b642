{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'account_move_line') }}
),

parsed as (
    {{ parse('source', ['id', 'move_id', 'product_id', 'quantity', 'sale_line_ids'], nested=['sale_line_ids']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as invoice_line_id,
        try_cast(move_id as bigint) as invoice_id,
        try_cast(product_id as bigint) as product_id,
        try_cast(quantity as decimal(18, 4)) as quantity,
        cast(json_transform(sale_line_ids, '["BIGINT"]') as bigint[]) as sale_line_ids
    from parsed
)

select * from renamed
{{ newest_per_key() }}
