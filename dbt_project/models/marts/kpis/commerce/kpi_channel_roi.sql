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

final as (
    {{ kpi_ratio('channel_roi', 'results', day='day', numerator='margin', denominator='spend', segments=['channel', 'campaign']) }}
)

select * from final
