with
receipts as (
    select * from {{ ref('int_receipts') }}
),

lateness as (
    select * from {{ ref('int_supplier_lateness') }}
),

-- who has delivered the same item in a year and keeps what he promises
delivered as (
    select
        receipts.item,
        receipts.supplier_id,
        any_value(receipts.supplier_number) as supplier_number,
        coalesce(any_value(receipts.supplier), any_value(receipts.supplier_number), receipts.supplier_id) as supplier,
        count(*) as line_count
    from receipts
    left join lateness
        on receipts.supplier_id = lateness.supplier_id
    where receipts.item is not null
        and receipts.received_on between {{ as_of() }} - 364 and {{ as_of() }}
        and coalesce(lateness.late_rate, 0) <= {{ worklist_limit('late_rate') }}
    group by receipts.item, receipts.supplier_id
),

final as (
    select
        item,
        arg_max(supplier_id, line_count) as backup_supplier_id,
        arg_max(supplier_number, line_count) as backup_supplier_number,
        arg_max(supplier, line_count) as backup_supplier
    from delivered
    group by item
)

select * from final
