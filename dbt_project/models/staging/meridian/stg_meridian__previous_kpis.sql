with
source as (
    select * from {{ source('meridian', 'previous_kpis') }}
),

-- Named with their types, so that a version published before a column existed can still be compared with.
expected as (
    select
        cast(null as double) as numerator,
        cast(null as double) as denominator,
        cast(null as boolean) as is_provisional,
        cast(null as varchar) as definition_revision
    where false
),

renamed as (
    select
        kpi,
        period_grain,
        period_start,
        segment_type,
        segment,
        value,
        numerator,
        denominator,
        is_provisional,
        definition_revision,
        data_version
    from (select * from source union all by name select * from expected)
)

select * from renamed
