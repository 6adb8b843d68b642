with
source as (
    select * from {{ source('meridian', 'previous_restatements') }}
),

expected as (
    select
        cast(null as double) as old_numerator,
        cast(null as double) as new_numerator,
        cast(null as double) as old_denominator,
        cast(null as double) as new_denominator
    where false
),

renamed as (
    select
        kpi,
        period_grain,
        period_start,
        segment_type,
        segment,
        old_value,
        new_value,
        old_numerator,
        new_numerator,
        old_denominator,
        new_denominator,
        old_version,
        new_version,
        reason,
        restated_at
    from (select * from source union all by name select * from expected)
)

select * from renamed
