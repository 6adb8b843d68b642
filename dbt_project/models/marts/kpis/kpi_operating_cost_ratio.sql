with
costs as (
    select * from {{ ref('int_costs') }}
),

revenue_entries as (
    select * from {{ ref('fct_revenue_entries') }}
),

filed as (
    select *
    from costs
    where actual is not null
),

monthly_costs as (
    {{ kpi_sum('operating_cost_ratio', 'filed', day='month', value='actual', segments=['category'], grains=['month']) }}
),

monthly_revenue as (
    select
        cast(date_trunc('month', entered_on) as date) as month,
        sum(net_amount) as net_amount
    from revenue_entries
    where entered_on <= {{ as_of() }}
    group by month
),

final as (
    select
        monthly_costs.kpi,
        monthly_costs.period_grain,
        monthly_costs.period_start,
        monthly_costs.segment_type,
        monthly_costs.segment,
        monthly_costs.value / nullif(monthly_revenue.net_amount, 0) as value,
        monthly_costs.numerator,
        case when monthly_costs.numerator is not null then monthly_revenue.net_amount end as denominator,
        monthly_costs.sample_size
    from monthly_costs
    left join monthly_revenue
        on monthly_costs.period_start = monthly_revenue.month
)

select * from final
