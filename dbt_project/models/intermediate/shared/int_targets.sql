with
definitions as (
    select * from {{ ref('int_kpi_definitions') }}
),

lines as (
    select * from {{ ref('stg_files__targets') }}
),

filed as (
    select
        kpi,
        segment_type,
        segment,
        coalesce(effective_from, date '0001-01-01') as effective_from,
        target,
        warn_at,
        act_at,
        'file' as origin
    from lines
    where not is_deleted and kpi is not null
    -- Two lines for the same day: the one landed last, and lower in the file, is the correction.
    qualify row_number() over (
        partition by kpi, segment_type, segment, coalesce(effective_from, date '0001-01-01')
        order by batch_id desc, ordinal desc
    ) = 1
),

defined as (
    select
        kpi,
        'all' as segment_type,
        'all' as segment,
        coalesce(effective_from, date '0001-01-01') as effective_from,
        target,
        warn_at,
        act_at,
        'definition' as origin
    from definitions
    where target is not null
),

-- The file overrides: from its first line for the whole of a KPI on, the definition's own target has nothing more to say.
combined as (
    select * from filed
    union all by name
    select defined.*
    from defined
    where not exists (
        select 1
        from filed
        where filed.kpi = defined.kpi
            and filed.segment_type = 'all'
            and filed.effective_from <= defined.effective_from
    )
),

final as (
    select
        kpi,
        segment_type,
        segment,
        effective_from,
        coalesce(
            lead(effective_from) over (partition by kpi, segment_type, segment order by effective_from),
            date '9999-12-31'
        ) as effective_until,
        target,
        warn_at,
        act_at,
        origin
    from combined
)

select * from final
