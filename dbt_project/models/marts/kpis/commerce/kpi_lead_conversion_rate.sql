with
leads as (
    select * from {{ ref('fct_leads') }}
),

final as (
    {{ kpi_ratio('lead_conversion_rate', 'leads', day='created_on', numerator='cast(is_won as integer)', denominator='1', segments=['channel', 'owner']) }}
)

select * from final
