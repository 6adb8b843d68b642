-- repurchase_rate, by counting each customer's orders of the 365 days at each month's end instead of adding up intervals
with
month_ends as (
    select
        period_start,
        least(last_day(period_start), {{ as_of() }}) as ends_on,
        numerator,
        denominator
    from {{ ref('kpi_repurchase_rate') }}
    where period_grain = 'month' and segment_type = 'all'
),

order_days as (
    select
        customer_id,
        {{ reporting_day('placed_at') }} as placed_on
    from {{ ref('int_orders') }}
    where customer_id is not null
        and coalesce({{ reporting_day('cancelled_at') }} > {{ as_of() }}, true)
        -- an order of a customer whom no source describes cannot be placed in a cohort
        and customer_id in (select customer_id from {{ ref('int_customers') }})
),

customers as (
    select
        month_ends.period_start,
        order_days.customer_id,
        count(*) as order_count
    from month_ends
    inner join order_days
        on order_days.placed_on between month_ends.ends_on - 364 and month_ends.ends_on
    group by month_ends.period_start, order_days.customer_id
),

expected as (
    select
        period_start,
        count(*) filter (where order_count >= 2) as numerator,
        count(*) as denominator
    from customers
    group by period_start
)

select *
from month_ends
full outer join expected using (period_start)
where coalesce(month_ends.numerator, 0) <> coalesce(expected.numerator, 0)
    or coalesce(month_ends.denominator, 0) <> coalesce(expected.denominator, 0)
