with
costs as (
    select * from {{ ref('int_costs') }}
),

-- A month is judged once a unit has filed any cost for it; a category it then left out cost nothing. Budgets of months to come wait.
filed as (
    select distinct
        month,
        unit
    from costs
    where actual is not null
),

judged as (
    select
        costs.month,
        costs.category,
        costs.unit,
        coalesce(costs.budget, 0) as budget,
        coalesce(costs.actual, 0) - coalesce(costs.budget, 0) as overspend
    from costs
    inner join filed
        on costs.month = filed.month
        and costs.unit is not distinct from filed.unit
),

final as (
    {{ kpi_ratio(
        'budget_variance', 'judged', day='month', numerator='overspend', denominator='budget',
        segments=['category', 'unit'], grains=['month']
    ) }}
)

select * from final
