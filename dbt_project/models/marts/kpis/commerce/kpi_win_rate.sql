with
leads as (
    select * from {{ ref('fct_leads') }}
),

closed as (
    select *
    from leads
    where is_won or is_lost
),

final as (
    {{ kpi_ratio('win_rate', 'closed', day='closed_on', numerator='cast(is_won as integer)', denominator='1', segments=['owner', 'region']) }}
)

select * from final
