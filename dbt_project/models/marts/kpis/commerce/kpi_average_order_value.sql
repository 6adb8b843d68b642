with
entries as (
    select * from {{ ref('fct_revenue_entries') }}
),

final as (
    {{ kpi_ratio('average_order_value', 'entries', day='entered_on', numerator='net_amount', denominator='order_count', segments=['region', 'channel']) }}
)

select * from final
