with
tickets as (
    select * from {{ ref('fct_tickets') }}
),

answered as (
    select
        {{ reporting_day('first_human_reply_at') }} as answered_on,
        first_reply_business_minutes,
        channel,
        team,
        priority,
        time_zone
    from tickets
    where first_human_reply_at is not null
),

final as (
    {{ kpi_median(
        'first_response_minutes',
        'answered',
        day='answered_on',
        value='first_reply_business_minutes',
        segments=['channel', 'team', 'priority', 'time_zone'],
    ) }}
)

select * from final
