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

begun as (
    select * from projects where not is_deleted
),

named as (
    select
        record_key,
        coalesce(kpi, 'unknown') as kpi,
        false as is_guard_rail,
        direction,
        starts_on,
        segment_type,
        segment
    from begun
    union
    select
        record_key,
        unnest(string_split_regex(trim(guard_rails, ',; '), '[,; ]+')) as kpi,
        true as is_guard_rail,
        null as direction,
        starts_on,
        segment_type,
        segment
    from begun
    where guard_rails is not null
),

told as (
    select
        kpi,
        segment_type,
        segment,
        min(period_start) filter (where status <> 'no_data') as first_week
    from kpis
    where period_grain = 'week'
    group by kpi, segment_type, segment
),

-- a guard rail is watched where the project is at work; where its KPI is not told of that, in the whole
placed as (
    select
        named.record_key as project_id,
        named.kpi,
        named.is_guard_rail,
        coalesce(named.direction, definitions.direction) as direction,
        named.starts_on,
        case when named.is_guard_rail and told.kpi is null then 'all' else named.segment_type end as segment_type,
        case when named.is_guard_rail and told.kpi is null then 'all' else named.segment end as segment,
        definitions.kpi is not null and coalesce(named.direction, definitions.direction) in ('lower', 'higher') and named.starts_on is not null as can_be_judged
    from named
    left join definitions
        on named.kpi = definitions.kpi
    left join told
        on named.kpi = told.kpi
        and named.segment_type = told.segment_type
        and named.segment = told.segment
),

-- A year before and half a year behind: long enough to see an effect, short enough that little else has changed. The week in which it begins is neither.
-- A history begins with what was quick: what took longer had begun before it. One such week among those before can hide an effect, so two are left out.
weeks as (
    select
        placed.project_id,
        placed.kpi,
        placed.is_guard_rail,
        kpis.period_start,
        kpis.period_start >= placed.starts_on as is_after,
        case when kpis.status <> 'no_data' then kpis.value end as value
    from placed
    inner join kpis
        on placed.kpi = kpis.kpi
        and placed.segment_type = kpis.segment_type
        and placed.segment = kpis.segment
        and kpis.period_grain = 'week'
        and not kpis.is_provisional
        and kpis.period_start between placed.starts_on - 364 and placed.starts_on + 182
        and not (kpis.period_start < placed.starts_on and kpis.period_end >= placed.starts_on)
    inner join told
        on placed.kpi = told.kpi
        and placed.segment_type = told.segment_type
        and placed.segment = told.segment
        and kpis.period_start >= told.first_week + 14
),

series as (
    select
        project_id,
        kpi,
        is_guard_rail,
        list(value order by period_start) as weekly_values,
        count(*) filter (where not is_after) as weeks_before,
        count(value) filter (where is_after) as weeks_after
    from weeks
    group by project_id, kpi, is_guard_rail
),

judged as (
    select
        placed.*,
        series.weeks_after,
        case when series.project_id is not null then project_verdict(series.weekly_values, series.weeks_before, placed.direction = 'lower') end as found
    from placed
    left join series
        on placed.project_id = series.project_id
        and placed.kpi = series.kpi
        and placed.is_guard_rail = series.is_guard_rail
),

final as (
    select
        project_id,
        kpi,
        is_guard_rail,
        direction,
        segment_type,
        segment,
        coalesce(can_be_judged, false) as can_be_judged,
        case
            when not coalesce(can_be_judged, false) then 'cannot be judged'
            when found is null then 'too early'
            else found.verdict
        end as verdict,
        coalesce(weeks_after, 0) as weeks_after,
        found.before as value_before,
        found.after as value_after,
        found.effect,
        found.low as effect_low,
        found.high as effect_high,
        found.placebo as placebo_share
    from judged
)

select * from final
