with
projects as (
    select * from {{ ref('stg_files__projects') }}
),

verdicts as (
    select * from {{ ref('int_project_verdicts') }}
),

broken as (
    select
        project_id,
        string_agg(kpi, ', ' order by kpi) as guard_rails_worse
    from verdicts
    where is_guard_rail and verdict = 'worse'
    group by project_id
),

final as (
    select
        projects.record_key as project_id,
        coalesce(projects.project, projects.record_key) as project,
        coalesce(projects.unit, 'unknown') as unit,
        projects.kpi,
        verdicts.direction,
        projects.registered_on,
        projects.starts_on,
        projects.expected_effect,
        projects.segment_type,
        projects.segment,
        -- an effect that was looked for after it was seen proves nothing; what moved its KPI and spoiled a guard rail did not work as it was meant to
        case
            when not verdicts.can_be_judged then 'cannot be judged'
            when projects.registered_on is null or projects.registered_on > projects.starts_on then 'registered too late'
            when broken.project_id is null then verdicts.verdict
            when verdicts.verdict = 'verified' then 'verified at a cost'
            else 'worse'
        end as verdict,
        verdicts.weeks_after,
        verdicts.value_before,
        verdicts.value_after,
        verdicts.effect,
        verdicts.effect_low,
        verdicts.effect_high,
        verdicts.placebo_share,
        verdicts.effect / nullif(verdicts.value_before, 0) as relative_effect,
        projects.starts_on + 8 * 7 as judged_from,
        broken.guard_rails_worse
    from projects
    inner join verdicts
        on projects.record_key = verdicts.project_id
        and not verdicts.is_guard_rail
    left join broken
        on projects.record_key = broken.project_id
    where not projects.is_deleted
)

select * from final
