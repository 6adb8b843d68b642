-- customer_growth: at both ends of a month everybody with an order in the 365 days before, counted anew
with
orders as (
    select * from {{ ref('fct_orders') }}
    where status <> 'cancelled' and customer_id in (select customer_id from {{ ref('dim_customers') }})
),

measured as (
    select
        *,
        least({{ period_end("'month'", 'period_start') }}, {{ as_of() }}) as last_day
    from {{ ref('kpi_customer_growth') }}
    where period_grain = 'month' and segment_type = 'all' and value is not null
),

expected as (
    select
        measured.period_start,
        count(distinct orders.customer_id) filter (where orders.placed_on between measured.last_day - 364 and measured.last_day) as active_at_end,
        count(distinct orders.customer_id) filter (where orders.placed_on between measured.period_start - 365 and measured.period_start - 1) as active_at_start
    from measured
    cross join orders
    group by measured.period_start
)

select *
from measured
inner join expected using (period_start)
where measured.denominator <> expected.active_at_start or measured.numerator <> expected.active_at_end - expected.active_at_start
