with
rosters as (
    select * from {{ ref('stg_files__rosters') }}
),

final as (
    select
        record_key as shift_id,
        agent,
        team,
        time_zone,
        starts_at,
        ends_at,
        {{ hours_between('starts_at', 'ends_at') }} as hours
    from rosters
    where not is_deleted and {{ is_sound('rosters') }}
)

select * from final
