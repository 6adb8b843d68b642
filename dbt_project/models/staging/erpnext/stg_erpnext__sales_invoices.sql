{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'sales_invoices') }}
),

parsed as (
    {{ parse('source', [
        'name',
        'currency',
        'docstatus',
        'is_return',
        'return_against',
        'net_total',
        'custom_reason',
        'custom_fault',
        'items',
        'creation',
        'modified',
        '_time_zone',
    ], nested=['items']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as invoice_name,
        currency,
        try_cast(docstatus as bigint) as docstatus,
        lower(is_return) in ('true', '1') as is_return,
        return_against,
        try_cast(net_total as decimal(18, 4)) as net_total,
        custom_reason as reason,
        custom_fault as fault,
        -- whose rows name an order or the note that took goods back
        list_min(list_filter(json_transform(items, '[{"sales_order": "VARCHAR"}]'), lambda row: row.sales_order is not null)).sales_order as order_name,
        list_min(list_filter(json_transform(items, '[{"delivery_note": "VARCHAR"}]'), lambda row: row.delivery_note is not null)).delivery_note as note_name,
        {{ site_instant('creation') }} as created_at,
        {{ site_instant('modified') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
