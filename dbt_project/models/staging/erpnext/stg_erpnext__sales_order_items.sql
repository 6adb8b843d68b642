-- An order's rows are taken apart here, once; an order without rows keeps one, or a later reading of it could not replace an earlier one.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'sales_orders') }}
),

parsed as (
    {{ parse('source', ['name', 'items'], nested=['items']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

opened as (
    {{ rows_of_documents('newest', ['name', 'item_code', 'warehouse', 'qty', 'stock_qty', 'rate', 'net_rate', 'amount', 'net_amount']) }}
),

renamed as (
    select
        source_name,
        record_key,
        coalesce(item.name, '') as row_name,
        batch_id,
        ordinal,
        is_deleted,
        name as order_name,
        item.item_code as item_code,
        item.warehouse as warehouse_key,
        try_cast(item.qty as decimal(18, 4)) as quantity,
        coalesce(try_cast(item.stock_qty as decimal(18, 4)), try_cast(item.qty as decimal(18, 4))) as stock_quantity,
        coalesce(try_cast(item.net_rate as decimal(18, 4)), try_cast(item.rate as decimal(18, 4))) as unit_price,
        coalesce(try_cast(item.net_amount as decimal(18, 4)), try_cast(item.amount as decimal(18, 4))) as amount
    from opened
)

select * from renamed
