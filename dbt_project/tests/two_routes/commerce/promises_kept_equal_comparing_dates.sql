-- on_time_delivery_rate by the last promise and by the first, by comparing dates on the warehouse's wall instead of instants, over the whole history
with
orders as (
    select
        case when {{ reporting_day('promise_moved_at') }} > {{ as_of() }} then first_promised_on else promised_on end as last_promised_on,
        first_promised_on,
        case
            when {{ reporting_day('delivered_at') }} <= {{ as_of() }}
                then cast({{ local_time('delivered_at', 'coalesce(warehouse_time_zone, ' ~ time_zone() ~ ')') }} as date)
        end as delivered_on,
        case
            when {{ reporting_day('cancelled_at') }} <= {{ as_of() }}
                then cast({{ local_time('cancelled_at', 'coalesce(warehouse_time_zone, ' ~ time_zone() ~ ')') }} as date)
        end as cancelled_on,
        -- the day that is over for the warehouse when the as_of day ends for the company
        cast({{ local_time(end_of_as_of(), 'coalesce(warehouse_time_zone, ' ~ time_zone() ~ ')') }} as date) - 1 as over_on
    from {{ ref('int_orders') }}
    where {{ reporting_day('placed_at') }} <= {{ as_of() }}
),

promises as (
    select
        'on_time_delivery_rate' as kpi,
        last_promised_on as promised_on,
        orders.*
    from orders
    union all
    select
        'on_time_delivery_rate_first_promise' as kpi,
        first_promised_on as promised_on,
        orders.*
    from orders
),

expected as (
    select
        kpi,
        count(*) filter (where delivered_on <= promised_on) as kept,
        count(*) filter (
            where coalesce(delivered_on > promised_on, true)
                and promised_on <= over_on
                and coalesce(cancelled_on > promised_on, true)
        ) as broken
    from promises
    where promised_on is not null
    group by kpi
),

measured as (
    select
        kpi,
        coalesce(sum(numerator), 0) as kept,
        coalesce(sum(denominator) - sum(numerator), 0) as broken
    from {{ ref('kpi_on_time_delivery_rate') }}
    where period_grain = 'day' and segment_type = 'all'
    group by kpi
)

select *
from measured
full outer join expected using (kpi)
where coalesce(measured.kept, 0) <> coalesce(expected.kept, 0) or coalesce(measured.broken, 0) <> coalesce(expected.broken, 0)
