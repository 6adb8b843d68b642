-- The second route: total actual and total budget of a month, each straight from int_costs, against the published sum over categories.
with
costs as (
    select
        month,
        sum(coalesce(actual, 0)) as actual,
        sum(coalesce(budget, 0)) as budget
    from {{ ref('int_costs') }}
    where (month, coalesce(unit, '')) in (select (month, coalesce(unit, '')) from {{ ref('int_costs') }} where actual is not null)
    group by month
),

published as (
    select
        period_start as month,
        sum(numerator) as overspend,
        sum(denominator) as budget
    from {{ ref('kpis') }}
    where kpi = 'budget_variance' and segment_type = 'category'
    group by period_start
)

select
    costs.month,
    costs.actual - costs.budget as expected,
    published.overspend
from costs
left join published on costs.month = published.month
where costs.month <= {{ as_of() }}
    and (
        abs(costs.actual - costs.budget - coalesce(published.overspend, 0)) > 0.005
        or abs(costs.budget - coalesce(published.budget, 0)) > 0.005
    )
