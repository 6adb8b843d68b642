with
orders as (
    select * from {{ ref('fct_orders') }}
),

-- a day has its rows only once the promise is kept or broken, so a closed period does not move
last_promise as (
    {{ kpi_ratio(
        'on_time_delivery_rate',
        'orders',
        day='promise_decided_on',
        numerator='cast(is_on_time as integer)',
        denominator='1',
        segments=['warehouse', 'carrier', 'region']
    ) }}
),

first_promise as (
    {{ kpi_ratio(
        'on_time_delivery_rate_first_promise',
        'orders',
        day='first_promise_decided_on',
        numerator='cast(is_on_first_time as integer)',
        denominator='1',
        segments=['warehouse', 'carrier', 'region']
    ) }}
),

final as (
    select * from last_promise
    union all by name
    select * from first_promise
)

select * from final
