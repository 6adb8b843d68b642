-- Core staff kept. The second route: who was there a year before the last day, looked up one by one.
with
staff as (
    select
        source_name,
        person,
        team,
        is_core,
        starts_on,
        coalesce(ends_on, {{ as_of() }}) as ends_on
    from {{ ref('stg_files__staff') }}
    where not is_deleted and starts_on <= {{ as_of() }} and coalesce(ends_on, {{ as_of() }}) >= starts_on
),

there_a_year_ago as (
    select *
    from staff
    where is_core and {{ as_of() }} - {{ retention_days() }} between starts_on and ends_on
),

expected as (
    select
        'all' as segment,
        count(*) filter (where (source_name, person) in (select (source_name, person) from staff where ends_on >= {{ as_of() }})) as numerator,
        count(*) as denominator
    from there_a_year_ago
    union all
    select
        coalesce(team, 'unknown') as segment,
        count(*) filter (where (source_name, person) in (select (source_name, person) from staff where ends_on >= {{ as_of() }})) as numerator,
        count(*) as denominator
    from there_a_year_ago
    group by segment
),

published as (
    select
        segment,
        numerator,
        denominator
    from {{ ref('kpis') }}
    where kpi = 'core_staff_retention'
        and period_start = cast(date_trunc('month', {{ as_of() }}) as date)
)

select
    expected.*,
    published.numerator as published_numerator,
    published.denominator as published_denominator
from expected
full join published using (segment)
where coalesce(published.numerator, 0) <> coalesce(expected.numerator, 0)
    or coalesce(published.denominator, 0) <> coalesce(expected.denominator, 0)
