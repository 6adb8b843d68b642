-- order_cycle_hours and its ninetieth percentile, by ranking the orders of a month and weighing the one or two that stand where half of them,
-- or nine tenths, are behind
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

asked as (
    select * from (values ('order_cycle_hours', cast(0.5 as double)), ('order_cycle_hours_p90', cast(0.9 as double))) as asked (kpi, share)
),

expected as (
    select
        asked.kpi,
        ranked.period_start,
        sum(ranked.seconds * {{ weight_of_rank('ranked.place - 1', 'asked.share', 'ranked.order_count') }}) / 3600 as value,
        max(ranked.order_count) as sample_size
    from ranked
    cross join asked
    group by asked.kpi, ranked.period_start
),

measured as (
    select *
    from {{ ref('kpi_order_cycle_hours') }}
    where kpi in (select kpi from asked) and period_grain = 'month' and segment_type = 'all' and sample_size > 0
)

select *
from measured
full outer join expected using (kpi, period_start)
where coalesce(abs(measured.value - expected.value) > 0.000001, true)
    or measured.sample_size is distinct from expected.sample_size
