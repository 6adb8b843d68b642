with
channel_days as (
    select * from {{ ref('stg_files__channel_days') }}
),

rates as (
    select * from {{ ref('int_exchange_rates') }}
),

final as (
    select
        channel_days.day,
        channel_days.channel,
        channel_days.campaign,
        -- No currency means the reporting currency. Spend in a currency without a rate is unknown; the visits still count.
        sum(channel_days.spend / rates.rate) as spend,
        cast(sum(channel_days.visits) as bigint) as visits
    from channel_days
    left join rates
        on coalesce(channel_days.currency, {{ reporting_currency() }}) = rates.currency
        and channel_days.day >= rates.valid_from_on
        and channel_days.day < coalesce(rates.valid_until_on, date '9999-12-31')
    where not channel_days.is_deleted and channel_days.day is not null and {{ is_sound('channel_days') }}
    group by channel_days.day, channel_days.channel, channel_days.campaign
)

select * from final
