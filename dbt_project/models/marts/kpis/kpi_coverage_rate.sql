with
coverage as (
    select * from {{ ref('fct_coverage') }}
),

company as (
    select *
    from coverage
    where scope_type = 'all'
),

teams as (
    select
        *,
        scope as team
    from coverage
    where scope_type = 'team'
),

whole as (
    {{ kpi_ratio('coverage_rate', 'company', day='day', numerator='covered_hours', denominator='promised_hours') }}
),

by_team as (
    {{ kpi_ratio('coverage_rate', 'teams', day='day', numerator='covered_hours', denominator='promised_hours', segments=['team']) }}
),

final as (
    select * from whole
    union all by name
    select *
    from by_team
    -- all teams' promised hours together are not the company's
    where segment_type = 'team'
)

select * from final
