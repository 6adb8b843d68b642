with
tickets as (
    select * from {{ ref('fct_tickets') }}
),

resolved as (
    select
        resolved_on,
        resolution_business_hours,
        channel,
        team,
        priority
    from tickets
    where resolved_on is not null
),

final as (
    {{ kpi_median(
        'resolution_hours',
        'resolved',
        day='resolved_on',
        value='resolution_business_hours',
        segments=['channel', 'team', 'priority'],
    ) }}
)

select * from final
