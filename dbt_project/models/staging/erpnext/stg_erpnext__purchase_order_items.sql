-- What was ordered of a supplier, row by row; an order without rows keeps one.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'purchase_orders') }}
),

parsed as (
    {{ parse('source', ['name', 'items'], nested=['items']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

opened as (
    {{ rows_of_documents('newest', ['name', 'item_code', 'qty', 'schedule_date', 'warehouse']) }}
),

renamed as (
    select
        source_name,
        record_key,
        coalesce(item.name, '') as row_name,
        batch_id,
        ordinal,
        is_deleted,
        name as purchase_name,
        item.item_code as item_code,
        try_cast(item.qty as decimal(18, 4)) as quantity,
        try_cast(item.schedule_date as date) as scheduled_on,
        item.warehouse as warehouse_key
    from opened
)

select * from renamed
