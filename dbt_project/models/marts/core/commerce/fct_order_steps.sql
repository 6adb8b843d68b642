{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='order_id', meta={'changed': 'int_changed_orders'}) }}

with
orders as (
    select * from {{ ref('fct_orders') }}
    where {{ only_changed('int_changed_orders', 'order_id') }}
),

accounts as (
    select * from {{ ref('int_orders') }}
    where {{ only_changed('int_changed_orders', 'order_id') }}
),

steps as (
    {%- for step in order_steps() %}
    select
        orders.order_id || ':{{ step }}' as order_step_id,
        orders.order_id,
        orders.source_name,
        orders.warehouse,
        cast({{ loop.index }} as integer) as step_number,
        '{{ step }}' as step,
        orders.{{ step }}_at as done_at,
        not {{ is_robot_account('accounts.' ~ step ~ '_by') }} as is_by_hand
    from orders
    inner join accounts
        on orders.order_id = accounts.order_id
    where orders.{{ step }}_at is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        order_step_id,
        order_id,
        source_name,
        warehouse,
        step_number,
        step,
        done_at,
        {{ reporting_day('done_at') }} as done_on,
        is_by_hand
    from steps
)

select * from final
