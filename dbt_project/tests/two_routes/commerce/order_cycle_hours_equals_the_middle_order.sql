-- order_cycle_hours, by ranking the orders of a month and taking the middle one or two
with
ranked as (
    select
        date_trunc('month', {{ reporting_day('delivered_at') }}) as period_start,
        date_diff('second', placed_at, delivered_at) as seconds,
        row_number() over (partition by date_trunc('month', {{ reporting_day('delivered_at') }}) order by date_diff('second', placed_at, delivered_at)) as place,
        count(*) over (partition by date_trunc('month', {{ reporting_day('delivered_at') }})) as order_count
    from {{ ref('int_orders') }}
    where {{ reporting_day('delivered_at') }} <= {{ as_of() }}
        and coalesce({{ reporting_day('cancelled_at') }} > {{ as_of() }}, true)
),

expected as (
    select
        period_start,
        avg(seconds) / 3600 as value,
        max(order_count) as sample_size
    from ranked
    where place in ((order_count + 1) // 2, order_count // 2 + 1)
    group by period_start
),

measured as (
    select *
    from {{ ref('kpi_order_cycle_hours') }}
    where kpi = 'order_cycle_hours' and period_grain = 'month' and segment_type = 'all' and sample_size > 0
)

select *
from measured
full outer join expected using (period_start)
where coalesce(abs(measured.value - expected.value) > 0.000001, true)
    or measured.sample_size is distinct from expected.sample_size
