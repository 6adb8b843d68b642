with
complaints as (
    select * from {{ ref('fct_complaints') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

-- where no source keeps complaints, nobody knows of any: that is no rate of nought
counted as (
    select
        opened_on as happened_on,
        case when is_major then 1 else 0 end as is_major,
        0 as is_order,
        region
    from complaints
    union all
    select
        placed_on as happened_on,
        0 as is_major,
        1 as is_order,
        region
    from orders
    where exists (select 1 from complaints)
),

final as (
    {{ kpi_ratio('major_complaint_rate', 'counted', day='happened_on', numerator='is_major', denominator='is_order', segments=['region']) }}
)

select * from final
