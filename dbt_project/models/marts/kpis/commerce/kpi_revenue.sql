with
entries as (
    select * from {{ ref('fct_revenue_entries') }}
),

final as (
    {{ kpi_sum('revenue', 'entries', day='entered_on', value='net_amount', segments=['region', 'channel', 'business_unit']) }}
)

select * from final
