{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='order_id', meta={'changed': 'int_changed_orders', 'also': 'order_id is null'}) }}

with
orders as (
    select * from {{ ref('fct_orders') }}
    where {{ only_changed('int_changed_orders', 'order_id') }}
),

corrections as (
    select * from {{ ref('int_order_corrections') }}
    -- what names no order is few rows and always worked out again
    where order_id is null or {{ only_changed('int_changed_orders', 'order_id') }}
),

booked as (
    select
        order_id || ':booked' as entry_id,
        'booked' as entry_kind,
        order_id,
        placed_on as entered_on,
        business_unit,
        region,
        channel,
        gross_amount as net_amount,
        case when gross_amount is not null then 1 else 0 end as order_count
    from orders
),

-- when a line was cancelled no source says; its order's day is the only one known
cancelled_lines as (
    select
        order_id || ':cancelled lines' as entry_id,
        'cancelled' as entry_kind,
        order_id,
        placed_on as entered_on,
        business_unit,
        region,
        channel,
        coalesce(net_amount, 0) - gross_amount as net_amount,
        0 as order_count
    from orders
    where gross_amount <> coalesce(net_amount, 0)
),

cancelled_orders as (
    select
        order_id || ':cancelled' as entry_id,
        'cancelled' as entry_kind,
        order_id,
        cancelled_on as entered_on,
        business_unit,
        region,
        channel,
        -net_amount as net_amount,
        0 as order_count
    from orders
    where cancelled_on is not null and net_amount is not null
),

-- A closed month stays closed: what is given back counts on the day it is given back. A cancelled order has nothing left to give back.
corrected as (
    select
        corrections.correction_id || ':' || corrections.revenue_effect as entry_id,
        corrections.revenue_effect as entry_kind,
        corrections.order_id,
        {{ reporting_day('corrections.corrected_at') }} as entered_on,
        coalesce(orders.business_unit, corrections.business_unit, 'unknown') as business_unit,
        coalesce(orders.region, corrections.region, 'unknown') as region,
        coalesce(orders.channel, 'unknown') as channel,
        -corrections.net_amount as net_amount,
        0 as order_count
    from corrections
    left join orders
        on corrections.order_id = orders.order_id
    where corrections.corrected_at < {{ end_of_as_of() }}
        and corrections.net_amount <> 0
        and (corrections.order_id is null or orders.order_id is not null)
        and orders.cancelled_on is null
),

entries as (
    select * from booked
    union all by name
    select * from cancelled_lines
    union all by name
    select * from cancelled_orders
    union all by name
    select * from corrected
),

final as (
    select
        entry_id,
        entry_kind,
        order_id,
        entered_on,
        business_unit,
        region,
        channel,
        cast(net_amount as decimal(18, 4)) as net_amount,
        order_count
    from entries
)

select * from final
