with
projects as (
    select * from {{ ref('fct_projects') }}
),

verdicts as (
    select * from {{ ref('int_project_verdicts') }}
),

final as (
    select
        projects.project_id,
        projects.project,
        verdicts.kpi,
        verdicts.direction,
        verdicts.segment_type,
        verdicts.segment,
        case verdicts.verdict when 'verified' then 'better' when 'not shown' then 'held' else verdicts.verdict end as verdict,
        verdicts.weeks_after,
        verdicts.value_before,
        verdicts.value_after,
        verdicts.effect,
        verdicts.effect_low,
        verdicts.effect_high,
        verdicts.placebo_share
    from verdicts
    inner join projects
        on verdicts.project_id = projects.project_id
    where verdicts.is_guard_rail
)

select * from final
