with
staff as (
    select * from {{ ref('stg_files__staff') }}
),

-- whoever has a later row has not left, whatever team it is in
employed as (
    select
        team,
        is_core,
        starts_on,
        coalesce(ends_on, {{ no_last_day() }}) as ends_on,
        max(coalesce(ends_on, {{ no_last_day() }})) over (partition by source_name, person) as left_on
    from staff
    where not is_deleted and starts_on <= {{ as_of() }} and {{ is_sound('staff') }}
),

core as (
    select
        team,
        left_on,
        starts_on + {{ retention_days() }} as counts_from,
        ends_on + {{ retention_days() + 1 }} as counts_until
    from employed
    where is_core and ends_on >= starts_on
),

-- somebody counts a year after each day on which he was core staff, and is kept as long as he has not left
counted as (
    select
        counts_from,
        counts_until,
        0 as is_kept,
        1 as was_core,
        team
    from core
    union all
    select
        counts_from,
        least(counts_until, left_on + 1) as counts_until,
        1 as is_kept,
        0 as was_core,
        team
    from core
    where left_on >= counts_from
),

final as (
    {{ kpi_ratio_at_period_end(
        'core_staff_retention',
        'counted',
        opened_on='counts_from',
        closed_on='counts_until',
        numerator='is_kept',
        denominator='was_core',
        segments=['team'],
        grains=['month']
    ) }}
)

select * from final
