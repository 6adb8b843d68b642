-- Verified improvement projects. The second route: at each period's end, those whose first day of judgement is at most a year back.
with
published as (
    select
        period_grain,
        period_start,
        least(period_end, {{ as_of() }}) as counted_on,
        value
    from {{ ref('kpis') }}
    where kpi = 'improvement_projects' and segment_type = 'all'
),

recounted as (
    select
        published.period_grain,
        published.period_start,
        count(projects.project) as projects
    from published
    left join {{ ref('fct_projects') }} as projects
        on projects.verdict = 'verified'
        and projects.judged_from <= published.counted_on
        and cast(projects.judged_from + interval 1 year as date) > published.counted_on
    group by published.period_grain, published.period_start
)

select
    published.period_grain,
    published.period_start,
    published.value,
    recounted.projects
from published
inner join recounted using (period_grain, period_start)
where coalesce(published.value, 0) <> recounted.projects
