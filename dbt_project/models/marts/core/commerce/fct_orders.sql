{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='order_id', meta={'changed': 'int_changed_orders'}) }}

{% set last_promise = 'case when promise_moved_at >= ' ~ end_of_as_of() ~ ' then first_promised_on else promised_on end' %}

with
orders as (
    select * from {{ ref('int_orders') }}
    where {{ only_changed('int_changed_orders', 'order_id') }}
),

corrections as (
    select * from {{ ref('int_order_corrections') }}
    where {{ only_changed('int_changed_orders', 'order_id') }}
),

-- what happens after the end of the as_of day has not happened yet
known as (
    select
        order_id,
        source_name,
        order_number,
        customer_id,
        coalesce(business_unit, 'unknown') as business_unit,
        coalesce(channel, 'unknown') as channel,
        campaign,
        coalesce(region, 'unknown') as region,
        coalesce(warehouse, 'unknown') as warehouse,
        warehouse_time_zone,
        carrier,
        currency,
        placed_at,
        {{ reporting_day('placed_at') }} as placed_on,
        {%- for instant in ['confirmed_at', 'picked_at', 'packed_at', 'shipped_at', 'delivered_at', 'cancelled_at'] %}
        case when {{ instant }} < {{ end_of_as_of() }} then {{ instant }} end as {{ instant }},
        {%- endfor %}
        requested_on,
        {{ last_promise }} as promised_on,
        first_promised_on,
        {{ end_of_local_day(last_promise, 'warehouse_time_zone') }} as promise_ends_at,
        {{ end_of_local_day('first_promised_on', 'warehouse_time_zone') }} as first_promise_ends_at,
        net_amount,
        gross_amount,
        cost_amount,
        exchange_rate,
        has_linked_corrections,
        has_bad_values
    from orders
    where placed_at < {{ end_of_as_of() }}
),

known_corrections as (
    select
        order_id,
        bool_or(coalesce(is_our_fault, false)) as is_our_fault,
        sum(net_amount) filter (where revenue_effect = 'refunded') as refunded_amount
    from corrections
    where order_id is not null and corrected_at < {{ end_of_as_of() }}
    group by order_id
),

-- A promise is kept or broken once: at the delivery if that comes in time, else at the end of the promised day where the warehouse is.
-- An order cancelled before that has no outcome; one cancelled after the promise was broken was late.
decided as (
    select
        *,
        {%- for prefix in ['', 'first_'] %}
        case
            when delivered_at < {{ prefix }}promise_ends_at then delivered_at
            when {{ prefix }}promise_ends_at <= {{ end_of_as_of() }}
                and coalesce(cancelled_at >= {{ prefix }}promise_ends_at, true)
                then {{ prefix }}promise_ends_at - interval 1 microsecond
        end as {{ prefix }}promise_decided_at{{ ',' if not loop.last }}
        {%- endfor %}
    from known
),

final as (
    select
        decided.order_id,
        decided.source_name,
        decided.order_number,
        decided.customer_id,
        decided.business_unit,
        decided.channel,
        decided.campaign,
        decided.region,
        decided.warehouse,
        decided.warehouse_time_zone,
        decided.carrier,
        decided.currency,
        case
            when decided.cancelled_at is not null then 'cancelled'
            when decided.delivered_at is not null then 'done'
            when coalesce(decided.picked_at, decided.packed_at, decided.shipped_at) is not null then 'processing'
            when decided.confirmed_at is not null then 'confirmed'
            else 'placed'
        end as status,
        decided.placed_at,
        decided.placed_on,
        decided.confirmed_at,
        decided.picked_at,
        decided.packed_at,
        decided.shipped_at,
        decided.delivered_at,
        {{ reporting_day('decided.delivered_at') }} as delivered_on,
        decided.cancelled_at,
        {{ reporting_day('decided.cancelled_at') }} as cancelled_on,
        decided.requested_on,
        decided.promised_on,
        decided.first_promised_on,
        {{ reporting_day('decided.promise_decided_at') }} as promise_decided_on,
        case when decided.promise_decided_at is not null then coalesce(decided.promise_decided_at = decided.delivered_at, false) end as is_on_time,
        {{ reporting_day('decided.first_promise_decided_at') }} as first_promise_decided_on,
        case
            when decided.first_promise_decided_at is not null then coalesce(decided.first_promise_decided_at = decided.delivered_at, false)
        end as is_on_first_time,
        decided.net_amount,
        decided.gross_amount,
        decided.cost_amount,
        cast(decided.net_amount - decided.cost_amount as decimal(18, 4)) as margin_amount,
        cast(coalesce(known_corrections.refunded_amount, 0) as decimal(18, 4)) as refunded_amount,
        decided.exchange_rate,
        {{ hours_between('decided.placed_at', 'decided.confirmed_at') }} as confirm_hours,
        {{ hours_between('decided.confirmed_at', 'decided.picked_at') }} as pick_hours,
        {{ hours_between('decided.picked_at', 'decided.shipped_at') }} as ship_hours,
        {{ hours_between('decided.shipped_at', 'decided.delivered_at') }} as deliver_hours,
        {{ hours_between('decided.placed_at', 'decided.delivered_at') }} as cycle_hours,
        case when decided.has_linked_corrections then coalesce(known_corrections.is_our_fault, false) end as has_our_fault,
        coalesce(decided.has_bad_values, false) as has_bad_values
    from decided
    left join known_corrections
        on decided.order_id = known_corrections.order_id
)

select * from final
