with
orders as (
    select * from {{ ref('fct_orders') }}
),

channel_days as (
    select * from {{ ref('int_channel_days') }}
),

-- an order's margin belongs to the channel that it last came through; what nobody wrote down stays 'unknown'
results as (
    select
        placed_on as day,
        lower(channel) as channel,
        coalesce(lower(campaign), 'none') as campaign,
        margin_amount as margin,
        0 as spend
    from orders
    where status <> 'cancelled'
    union all by name
    select
        day,
        coalesce(lower(channel), 'unknown') as channel,
        coalesce(lower(campaign), 'none') as campaign,
        0 as margin,
        spend
    from channel_days
),

paid_results as (
    select *
    from results
    where channel in (select channel from results where spend > 0 and day <= {{ as_of() }})
),

every_channel as (
    {{ kpi_ratio('channel_roi', 'results', day='day', numerator='margin', denominator='spend', segments=['channel', 'campaign']) }}
),

paid_channels as (
    {{ kpi_ratio('channel_roi_of_paid_channels', 'paid_results', day='day', numerator='margin', denominator='spend') }}
),

final as (
    select * from every_channel
    union all by name
    select * from paid_channels
)

select * from final
