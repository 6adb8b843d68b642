with
projects as (
    select * from {{ ref('fct_projects') }}
),

verified as (
    select
        judged_from,
        cast(judged_from + interval 1 year as date) as counts_until,
        unit
    from projects
    where verdict = 'verified'
),

final as (
    {{ kpi_at_period_end('improvement_projects', 'verified', opened_on='judged_from', closed_on='counts_until', segments=['unit']) }}
)

select * from final
