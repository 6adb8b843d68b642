with
costs as (
    select * from {{ ref('stg_files__costs') }}
),

budgets as (
    select * from {{ ref('stg_files__budgets') }}
),

rates as (
    select * from {{ ref('int_exchange_rates') }}
),

-- A month is converted at the rate of its first day, so that it does not move while it runs. No currency means the reporting currency.
costs_converted as (
    select
        costs.month,
        costs.unit,
        costs.category,
        costs.amount / rates.rate as amount
    from costs
    inner join rates
        on coalesce(costs.currency, {{ reporting_currency() }}) = rates.currency
        and costs.month >= rates.valid_from_on
        and costs.month < coalesce(rates.valid_until_on, date '9999-12-31')
    where not costs.is_deleted
),

budgets_converted as (
    select
        budgets.month,
        budgets.unit,
        budgets.category,
        budgets.amount / rates.rate as amount
    from budgets
    inner join rates
        on coalesce(budgets.currency, {{ reporting_currency() }}) = rates.currency
        and budgets.month >= rates.valid_from_on
        and budgets.month < coalesce(rates.valid_until_on, date '9999-12-31')
    where not budgets.is_deleted
),

-- A file may state a month, unit and category on several lines; they add up.
actual as (
    select
        month,
        unit,
        category,
        sum(amount) as actual
    from costs_converted
    group by month, unit, category
),

budgeted as (
    select
        month,
        unit,
        category,
        sum(amount) as budget
    from budgets_converted
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
