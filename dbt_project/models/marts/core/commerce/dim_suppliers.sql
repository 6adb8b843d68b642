with
receipts as (
    select * from {{ ref('fct_receipts') }}
),

final as (
    select
        supplier_id,
        any_value(source_name) as source_name,
        max(supplier_number) as supplier_number,
        max(supplier) as supplier,
        min(coalesce(ordered_on, promised_on, received_on)) as first_known_on,
        max(ordered_on) as last_ordered_on,
        count(*) as line_count,
        count(*) filter (where is_overdue) as overdue_count,
        count(*) filter (where is_due) as due_count,
        count(*) filter (where is_late) as late_count,
        median(lead_days) as median_lead_days
    from receipts
    group by supplier_id
)

select * from final
