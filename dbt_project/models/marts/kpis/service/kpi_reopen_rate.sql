with
tickets as (
    select * from {{ ref('fct_tickets') }}
),

resolved as (
    select
        {{ reporting_day('first_resolved_at') }} as first_resolved_on,
        case when is_reopened_within_7_days then 1 else 0 end as is_reopened,
        1 as is_resolved,
        team
    from tickets
    where first_resolved_at is not null
),

final as (
    {{ kpi_ratio(
        'reopen_rate',
        'resolved',
        day='first_resolved_on',
        numerator='is_reopened',
        denominator='is_resolved',
        segments=['team'],
    ) }}
)

select * from final
