{{ config(enabled=has_kind('supplier_deliveries'), materialized='view') }}

with
deliveries as (
    select * from {{ ref('stg_supplier_deliveries__deliveries') }}
),

final as (
    select
        source_name || ':' || delivery_number as receipt_id,
        source_name,
        order_number as purchase_number,
        source_name || ':' || vendor as supplier_id,
        cast(null as varchar) as supplier_number,
        vendor as supplier,
        item,
        cast(null as varchar) as warehouse,
        cast(null as varchar) as warehouse_time_zone,
        -- the export knows days, no instants
        cast(null as timestamp) as ordered_at,
        ordered_on,
        scheduled_on as promised_on,
        cast(null as timestamp) as received_at,
        delivered_on as received_on,
        false as is_cancelled,
        quantity
    from deliveries
    where not is_deleted
)

select * from final
