-- revenue and average_order_value, over lines and corrections instead of entries
with
order_days as (
    select
        order_id,
        {{ reporting_day('placed_at') }} as placed_on,
        {{ reporting_day('cancelled_at') }} as cancelled_on
    from {{ ref('int_orders') }}
    where {{ reporting_day('placed_at') }} <= {{ as_of() }}
),

sold as (
    select
        order_days.placed_on as day,
        order_lines.net_amount as amount
    from {{ ref('int_order_lines') }} as order_lines
    inner join order_days
        on order_lines.order_id = order_days.order_id
    where not order_lines.is_cancelled
),

cancelled as (
    select
        order_days.cancelled_on as day,
        -order_lines.net_amount as amount
    from {{ ref('int_order_lines') }} as order_lines
    inner join order_days
        on order_lines.order_id = order_days.order_id
    where not order_lines.is_cancelled and order_days.cancelled_on <= {{ as_of() }}
),

given_back as (
    select
        {{ reporting_day('corrections.corrected_at') }} as day,
        -corrections.net_amount as amount
    from {{ ref('int_order_corrections') }} as corrections
    left join order_days
        on corrections.order_id = order_days.order_id
    where {{ reporting_day('corrections.corrected_at') }} <= {{ as_of() }}
        and coalesce(order_days.cancelled_on > {{ as_of() }}, true)
        and (corrections.order_id is null or order_days.order_id is not null)
),

expected as (
    select
        date_trunc('month', day) as period_start,
        sum(amount) as amount
    from (
        select * from sold
        union all
        select * from cancelled
        union all
        select * from given_back
    )
    group by date_trunc('month', day)
),

order_counts as (
    select
        date_trunc('month', placed_on) as period_start,
        count(*) as order_count
    from order_days
    where order_id in (select order_id from {{ ref('int_order_lines') }} where net_amount is not null)
    group by date_trunc('month', placed_on)
),

measured as (
    select
        revenue.period_start,
        revenue.value as revenue,
        average_order_value.numerator as amount,
        average_order_value.denominator as order_count
    from {{ ref('kpi_revenue') }} as revenue
    inner join {{ ref('kpi_average_order_value') }} as average_order_value
        using (period_grain, period_start, segment_type, segment)
    where revenue.period_grain = 'month' and revenue.segment_type = 'all'
)

select *
from measured
full outer join expected using (period_start)
left join order_counts using (period_start)
where abs(coalesce(measured.revenue, 0) - coalesce(expected.amount, 0)) > 0.005
    or abs(coalesce(measured.amount, 0) - coalesce(expected.amount, 0)) > 0.005
    or coalesce(measured.order_count, 0) <> coalesce(order_counts.order_count, 0)
