with
automations as (
    select * from {{ ref('fct_automations') }}
),

attempted as (
    select
        ended_on,
        case when is_verified then 1 else 0 end as is_verified,
        playbook
    from automations
    where is_attempted
),

final as (
    {{ kpi_ratio('automation_success_rate', 'attempted', day='ended_on', numerator='is_verified', denominator='1', segments=['playbook']) }}
)

select * from final
