with
costs as (
    select * from {{ ref('stg_files__costs') }}
),

budgets as (
    select * from {{ ref('stg_files__budgets') }}
),

-- A file may state a month, unit and category on several lines; they add up.
actual as (
    select
        month,
        unit,
        category,
        sum(amount) as actual
    from costs
    where not is_deleted and month is not null and currency = {{ reporting_currency() }}
    group by month, unit, category
),

budgeted as (
    select
        month,
        unit,
        category,
        sum(amount) as budget
    from budgets
    where not is_deleted and month is not null and currency = {{ reporting_currency() }}
    group by month, unit, category
),

final as (
    select
        coalesce(actual.month, budgeted.month) as month,
        coalesce(actual.unit, budgeted.unit) as unit,
        coalesce(actual.category, budgeted.category) as category,
        actual.actual,
        budgeted.budget
    from actual
    full outer join budgeted
        on actual.month = budgeted.month
        and actual.unit is not distinct from budgeted.unit
        and actual.category is not distinct from budgeted.category
)

select * from final
