with
kpis as (
    select * from {{ ref('kpis') }}
),

channel_days as (
    select * from {{ ref('int_channel_days') }}
),

wholes as (
    select *
    from kpis
    where segment_type = 'all'
        and period_grain in ('week', 'month')
        and not is_provisional
),

visits as (
    select
        period_grain,
        cast(date_trunc(period_grain, day) as date) as period_start,
        sum(visits) as value
    from channel_days
    cross join (values ('week'), ('month')) as grains (period_grain)
    where day <= {{ as_of() }}
    group by all
),

final as (
    select kpi as amount, period_grain, period_start, value from wholes
    union all by name
    select 'orders' as amount, period_grain, period_start, denominator as value from wholes where kpi = 'average_order_value'
    union all by name
    select 'visits' as amount, period_grain, period_start, cast(value as double) as value from visits
)

select * from final
where value is not null
