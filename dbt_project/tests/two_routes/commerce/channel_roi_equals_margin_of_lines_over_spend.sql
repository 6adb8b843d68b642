-- channel_roi by channel, and that of all channels that were paid for, over the whole history, from lines instead of orders
with
earned as (
    select
        lower(coalesce(orders.channel, 'unknown')) as segment,
        sum(order_lines.net_amount - order_lines.cost_amount) as margin
    from {{ ref('int_orders') }} as orders
    inner join {{ ref('int_order_lines') }} as order_lines
        on orders.order_id = order_lines.order_id
    where {{ reporting_day('orders.placed_at') }} <= {{ as_of() }}
        and coalesce({{ reporting_day('orders.cancelled_at') }} > {{ as_of() }}, true)
        and not order_lines.is_cancelled
        and orders.cost_amount is not null
    group by 1
),

spent as (
    select
        lower(coalesce(channel, 'unknown')) as segment,
        sum(spend) as spend
    from {{ ref('int_channel_days') }}
    where day <= {{ as_of() }}
    group by 1
),

expected as (
    select
        segment,
        coalesce(earned.margin, 0) as margin,
        coalesce(spent.spend, 0) as spend
    from earned
    full outer join spent using (segment)
),

both_ways as (
    select
        'channel_roi' as kpi,
        *
    from expected
    union all
    select
        'channel_roi_of_paid_channels' as kpi,
        'all' as segment,
        coalesce(sum(margin), 0) as margin,
        coalesce(sum(spend), 0) as spend
    from expected
    where spend > 0
),

measured as (
    select
        kpi,
        segment,
        sum(numerator) as margin,
        sum(denominator) as spend
    from {{ ref('kpi_channel_roi') }}
    where period_grain = 'day' and segment_type = case when kpi = 'channel_roi' then 'channel' else 'all' end
    group by kpi, segment
)

select *
from measured
full outer join both_ways using (kpi, segment)
where abs(coalesce(measured.margin, 0) - coalesce(both_ways.margin, 0)) > 0.01
    or abs(coalesce(measured.spend, 0) - coalesce(both_ways.spend, 0)) > 0.01
