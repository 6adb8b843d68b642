select
    cast(null as varchar) as receipt_id,
    cast(null as varchar) as source_name,
    cast(null as varchar) as purchase_number,
    cast(null as varchar) as supplier_id,
    cast(null as varchar) as supplier,
    cast(null as varchar) as item,
    cast(null as varchar) as warehouse,
    cast(null as varchar) as warehouse_time_zone,
    cast(null as timestamp) as ordered_at,
    cast(null as date) as ordered_on,
    cast(null as date) as promised_on,
    cast(null as timestamp) as received_at,
    cast(null as date) as received_on,
    cast(null as boolean) as is_cancelled,
    cast(null as decimal(18, 4)) as quantity
where false
