with
kpis as (
    select * from {{ ref('kpis') }}
),

previous_kpis as (
    select * from {{ ref('stg_meridian__previous_kpis') }}
),

previous_restatements as (
    select * from {{ ref('stg_meridian__previous_restatements') }}
),

-- Only what readers were shown as settled can be restated; what was provisional was expected to move. Built as of an earlier day than the
-- published version, a period that is not over yet has not lost its value.
settled as (
    select * from previous_kpis
    where not coalesce(is_provisional, false)
        and {{ period_end('period_grain', 'period_start') }} <= {{ as_of() }}
),

previous_version as (
    select max(data_version) as data_version from previous_kpis
),

-- A segment that is new in old periods was, in effect, shown without a value; it is settled if its period was for the whole of the KPI.
settled_periods as (
    select distinct kpi, period_grain, period_start
    from settled
    where segment_type = 'all'
),

compared as (
    select
        coalesce(kpis.kpi, settled.kpi) as kpi,
        coalesce(kpis.period_grain, settled.period_grain) as period_grain,
        coalesce(kpis.period_start, settled.period_start) as period_start,
        coalesce(kpis.segment_type, settled.segment_type) as segment_type,
        coalesce(kpis.segment, settled.segment) as segment,
        settled.value as old_value,
        kpis.value as new_value,
        settled.numerator as old_numerator,
        kpis.numerator as new_numerator,
        settled.denominator as old_denominator,
        kpis.denominator as new_denominator,
        settled.definition_revision as old_revision,
        kpis.definition_revision as new_revision,
        kpis.is_provisional
    from (select kpis.* from kpis semi join settled_periods using (kpi, period_grain, period_start)) as kpis
    full outer join settled
        on kpis.kpi = settled.kpi
        and kpis.period_grain = settled.period_grain
        and kpis.period_start = settled.period_start
        and kpis.segment_type = settled.segment_type
        and kpis.segment = settled.segment
),

-- The definition is the KPI's, not the segment's: a new segment has no old row to compare with.
revisions as (
    select
        kpi,
        max(definition_revision) as old_revision
    from previous_kpis
    group by kpi
),

changed as (
    select
        compared.kpi,
        compared.period_grain,
        compared.period_start,
        compared.segment_type,
        compared.segment,
        compared.old_value,
        compared.new_value,
        compared.old_numerator,
        compared.new_numerator,
        compared.old_denominator,
        compared.new_denominator,
        previous_version.data_version as old_version,
        {{ data_version() }} as new_version,
        case
            when compared.new_revision is null then 'KPI or segment removed'
            when compared.new_revision is distinct from revisions.old_revision then 'definition changed'
            else 'late or changed source data'
        end as reason,
        {{ built_at() }} as restated_at
    from compared
    left join revisions on compared.kpi = revisions.kpi
    cross join previous_version
    where not coalesce(compared.is_provisional, false)
        and (
            {{ differs('compared.old_value', 'compared.new_value') }}
            or {{ differs('compared.old_numerator', 'compared.new_numerator') }}
            or {{ differs('compared.old_denominator', 'compared.new_denominator') }}
        )
),

-- Building the same version again replaces what it had found, so that a repeated build says the same.
final as (
    select * from previous_restatements
    where new_version <> {{ data_version() }}
    union all by name
    select * from changed
)

select * from final
