with
tickets as (
    select * from {{ ref('fct_tickets') }}
),

decided as (
    select
        {{ reporting_day('sla_decided_at') }} as decided_on,
        case when sla_met then 1 else 0 end as is_met,
        1 as is_decided,
        sla_policy as policy,
        created_priority as priority,
        team
    from tickets
    where sla_met is not null
),

final as (
    {{ kpi_ratio(
        'sla_attainment',
        'decided',
        day='decided_on',
        numerator='is_met',
        denominator='is_decided',
        segments=['policy', 'priority', 'team'],
    ) }}
)

select * from final
