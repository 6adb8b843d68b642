with
projects as (
    select * from {{ ref('stg_files__projects') }}
),

kpis as (
    select * from {{ ref('int_kpis__judged') }}
),

definitions as (
    select * from {{ ref('int_kpi_definitions') }}
),

registered as (
    select
        projects.record_key as project_id,
        coalesce(projects.project, projects.record_key) as project,
        coalesce(projects.unit, 'unknown') as unit,
        projects.kpi,
        coalesce(projects.direction, definitions.direction) as direction,
        projects.registered_on,
        projects.starts_on,
        projects.expected_effect,
        projects.segment_type,
        projects.segment,
        definitions.kpi is not null as is_known
    from projects
    left join definitions
        on projects.kpi = definitions.kpi
    where not projects.is_deleted
),

-- A year before and half a year behind: long enough to see an effect, short enough that little else has changed. The week in which it begins is neither.
weeks as (
    select
        registered.project_id,
        kpis.period_start,
        kpis.period_start >= registered.starts_on as is_after,
        case when kpis.status <> 'no_data' then kpis.value end as value
    from registered
    inner join kpis
        on registered.kpi = kpis.kpi
        and registered.segment_type = kpis.segment_type
        and registered.segment = kpis.segment
        and kpis.period_grain = 'week'
        and not kpis.is_provisional
        and kpis.period_start between registered.starts_on - 364 and registered.starts_on + 182
        and not (kpis.period_start < registered.starts_on and kpis.period_end >= registered.starts_on)
),

series as (
    select
        project_id,
        list(value order by period_start) as weekly_values,
        count(*) filter (where not is_after) as weeks_before,
        count(value) filter (where is_after) as weeks_after
    from weeks
    group by project_id
),

judged as (
    select
        registered.*,
        series.weeks_after,
        case when series.project_id is not null then project_verdict(series.weekly_values, series.weeks_before, registered.direction = 'lower') end as found
    from registered
    left join series
        on registered.project_id = series.project_id
),

final as (
    select
        project_id,
        project,
        unit,
        kpi,
        direction,
        registered_on,
        starts_on,
        expected_effect,
        segment_type,
        segment,
        -- an effect that was looked for after it was seen proves nothing
        case
            when not is_known or direction not in ('lower', 'higher') or starts_on is null then 'cannot be judged'
            when registered_on is null or registered_on > starts_on then 'registered too late'
            when found is null then 'too early'
            else found.verdict
        end as verdict,
        coalesce(weeks_after, 0) as weeks_after,
        found.before as value_before,
        found.after as value_after,
        found.effect,
        found.low as effect_low,
        found.high as effect_high,
        found.placebo as placebo_share,
        found.effect / nullif(found.before, 0) as relative_effect,
        starts_on + 8 * 7 as judged_from
    from judged
)

select * from final
