with
receipts as (
    select * from {{ ref('fct_receipts') }}
),

received as (
    select *
    from receipts
    where lead_days is not null and not is_cancelled
),

final as (
    {{ kpi_median('supplier_lead_days', 'received', day='received_on', value='lead_days', segments=['supplier', 'item']) }}
)

select * from final
