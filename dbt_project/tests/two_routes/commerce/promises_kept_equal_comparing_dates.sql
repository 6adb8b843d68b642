-- on_time_delivery_rate, by comparing dates on the warehouse's wall instead of instants, over the whole history
with
orders as (
    select
        case when {{ reporting_day('promise_moved_at') }} > {{ as_of() }} then first_promised_on else promised_on end as promised_on,
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
    where {{ reporting_day('placed_at') }} <= {{ as_of() }} and promised_on is not null
),

expected as (
    select
        count(*) filter (where delivered_on <= promised_on) as kept,
        count(*) filter (
            where coalesce(delivered_on > promised_on, true)
                and promised_on <= over_on
                and coalesce(cancelled_on > promised_on, true)
        ) as broken
    from orders
),

measured as (
    select
        coalesce(sum(numerator), 0) as kept,
        coalesce(sum(denominator) - sum(numerator), 0) as broken
    from {{ ref('kpi_on_time_delivery_rate') }}
    where kpi = 'on_time_delivery_rate' and period_grain = 'day' and segment_type = 'all'
)

select *
from measured
cross join expected
where measured.kept <> expected.kept or measured.broken <> expected.broken
