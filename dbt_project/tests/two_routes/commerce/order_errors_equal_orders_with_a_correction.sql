-- order_error_rate, counted from the corrections instead of from the orders
with
expected as (
    select
        date_trunc('month', {{ reporting_day('orders.placed_at') }}) as period_start,
        count(distinct orders.order_id) as numerator
    from {{ ref('int_order_corrections') }} as corrections
    inner join {{ ref('int_orders') }} as orders
        on corrections.order_id = orders.order_id
    where corrections.is_our_fault
        and {{ reporting_day('corrections.corrected_at') }} <= {{ as_of() }}
        and {{ reporting_day('orders.placed_at') }} <= {{ as_of() }}
        and coalesce({{ reporting_day('orders.cancelled_at') }} > {{ as_of() }}, true)
    group by 1
),

measured as (
    select
        period_start,
        numerator
    from {{ ref('kpi_order_error_rate') }}
    where period_grain = 'month' and segment_type = 'all'
)

select *
from measured
full outer join expected using (period_start)
where coalesce(measured.numerator, 0) <> coalesce(expected.numerator, 0)
