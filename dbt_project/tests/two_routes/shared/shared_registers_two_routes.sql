-- Operating cost, training and risks. The second route: the files' lines, counted once for the whole history.
with
costs as (
    select sum(actual) as amount
    from {{ ref('int_costs') }}
    where actual is not null and month <= {{ as_of() }}
),

training as (
    select
        count(*) filter (where completed_on <= {{ as_of() }}) as completed,
        count(*) as planned
    from {{ ref('stg_files__training') }}
    where not is_deleted and planned_on between date '2000-01-01' and {{ as_of() }}
),

risks as (
    select
        count(*) filter (where materialised_on <= {{ as_of() }}) as materialised,
        count(*) as registered
    from {{ ref('stg_files__risks') }}
    where not is_deleted and registered_on <= {{ as_of() }}
),

expected as (
    select
        'operating_cost_ratio' as kpi,
        amount as numerator,
        null as denominator
    from costs
    union all
    select
        'training_completion' as kpi,
        completed as numerator,
        planned as denominator
    from training
    union all
    select
        'risk_incidence_rate' as kpi,
        materialised as numerator,
        registered as denominator
    from risks
),

published as (
    select
        kpi,
        segment_type,
        sum(numerator) as numerator,
        case when kpi <> 'operating_cost_ratio' then sum(denominator) end as denominator
    from {{ ref('kpis') }}
    where period_grain = 'month'
        and (
            kpi in ('operating_cost_ratio', 'training_completion')
            -- a stock: its last month is what there is
            or (kpi = 'risk_incidence_rate' and period_start = date_trunc('month', {{ as_of() }}))
        )
    group by kpi, segment_type
)

select
    published.*,
    expected.numerator as expected_numerator,
    expected.denominator as expected_denominator
from published
inner join expected using (kpi)
where abs(coalesce(published.numerator, 0) - coalesce(expected.numerator, 0)) > 0.005
    or coalesce(published.denominator, 0) <> coalesce(expected.denominator, 0)
