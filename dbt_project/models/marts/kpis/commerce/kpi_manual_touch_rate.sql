with
order_steps as (
    select * from {{ ref('fct_order_steps') }}
),

-- a source that does not tell whose hand it was says nothing about hands
told as (
    select
        done_on,
        step,
        cast(is_by_hand as integer) as is_by_hand
    from order_steps
    where is_by_hand is not null
),

final as (
    {{ kpi_ratio('manual_touch_rate', 'told', day='done_on', numerator='is_by_hand', denominator='1', segments=['step']) }}
)

select * from final
