with
channel_days as (
    select * from {{ ref('stg_files__channel_days') }}
),

final as (
    select
        day,
        channel,
        campaign,
        sum(case when currency = {{ reporting_currency() }} then spend end) as spend,
        sum(visits) as visits
    from channel_days
    where not is_deleted and day is not null
    group by day, channel, campaign
)

select * from final
