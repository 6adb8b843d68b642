-- Goods that came in, row by row; a receipt without rows keeps one.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'purchase_receipts') }}
),

parsed as (
    {{ parse('source', ['name', 'items'], nested=['items']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

opened as (
    {{ rows_of_documents('newest', ['name', 'qty', 'purchase_order_item']) }}
),

renamed as (
    select
        source_name,
        record_key,
        coalesce(item.name, '') as row_name,
        batch_id,
        ordinal,
        is_deleted,
        name as receipt_name,
        try_cast(item.qty as decimal(18, 4)) as quantity,
        nullif(item.purchase_order_item, '') as purchase_row_name
    from opened
)

select * from renamed
