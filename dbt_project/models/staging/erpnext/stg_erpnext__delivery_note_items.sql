-- Goods that left, or came back, row by row; a note without rows keeps one.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'delivery_notes') }}
),

parsed as (
    {{ parse('source', ['name', 'items'], nested=['items']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

opened as (
    {{ rows_of_documents('newest', ['name', 'item_code', 'qty', 'stock_qty', 'incoming_rate', 'against_sales_order', 'so_detail']) }}
),

renamed as (
    select
        source_name,
        record_key,
        coalesce(item.name, '') as row_name,
        batch_id,
        ordinal,
        is_deleted,
        name as note_name,
        item.item_code as item_code,
        coalesce(try_cast(item.stock_qty as decimal(18, 4)), try_cast(item.qty as decimal(18, 4))) as stock_quantity,
        try_cast(item.incoming_rate as decimal(18, 4)) as cost_price,
        nullif(item.against_sales_order, '') as order_name,
        nullif(item.so_detail, '') as order_row_name
    from opened
)

select * from renamed
