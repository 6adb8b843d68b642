{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'purchase_orders') }}
),

parsed as (
    {{ parse('source', ['name', 'supplier', 'set_warehouse', 'schedule_date', 'docstatus', 'amended_from', 'creation', '_time_zone']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as purchase_name,
        supplier as supplier_number,
        set_warehouse as warehouse_key,
        try_cast(schedule_date as date) as scheduled_on,
        try_cast(docstatus as bigint) as docstatus,
        amended_from,
        {{ site_instant('creation') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
