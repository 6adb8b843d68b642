with
entries as (
    select * from {{ ref('fct_revenue_entries') }}
),

final as (
    select
        entered_on as day,
        business_unit,
        region,
        channel,
        cast(coalesce(sum(net_amount) filter (where entry_kind = 'booked'), 0) as decimal(18, 4)) as gross_amount,
        cast(coalesce(-sum(net_amount) filter (where entry_kind = 'cancelled'), 0) as decimal(18, 4)) as cancelled_amount,
        cast(coalesce(-sum(net_amount) filter (where entry_kind = 'refunded'), 0) as decimal(18, 4)) as refunded_amount,
        cast(coalesce(sum(net_amount) filter (where entry_kind = 'adjusted'), 0) as decimal(18, 4)) as adjusted_amount,
        cast(coalesce(sum(net_amount), 0) as decimal(18, 4)) as net_amount,
        cast(sum(order_count) as bigint) as order_count
    from entries
    group by entered_on, business_unit, region, channel
)

select * from final
