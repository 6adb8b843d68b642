-- Gain of efficiency of every month that is over. The second route: what readers see of the core KPIs, this month beside the twelfth before it.
with
core as (
    select
        kpi,
        period_start,
        period_end,
        value,
        lag(value, 12) over (partition by kpi order by period_start) as earlier
    from {{ ref('kpis') }}
    where period_grain = 'month' and segment_type = 'all' and kpi in ('{{ efficiency_kpis() | join("', '") }}')
),

expected as (
    select
        core.period_start,
        sum(case definitions.direction when 'lower' then core.earlier - core.value else core.value - core.earlier end / core.earlier) as numerator,
        count(*) as denominator
    from core
    inner join {{ ref('int_kpi_definitions') }} as definitions using (kpi)
    where core.earlier > 0 and core.value is not null and core.period_end <= {{ as_of() }}
    group by core.period_start
),

published as (
    select
        period_start,
        numerator,
        denominator
    from {{ ref('kpis') }}
    where kpi = 'efficiency_gain' and period_grain = 'month' and segment_type = 'all' and value is not null
)

select
    expected.*,
    published.numerator as published_numerator,
    published.denominator as published_denominator
from expected
full join published using (period_start)
-- the published gains are rounded one by one, to nine places
where abs(coalesce(published.numerator, 0) - coalesce(expected.numerator, 0)) > 0.00000001
    or coalesce(published.denominator, 0) <> coalesce(expected.denominator, 0)
