with
procedures as (
    select * from {{ ref('stg_files__procedures') }}
),

final as (
    select
        process,
        step,
        activity,
        must_follow,
        within_hours,
        at_most_once,
        different_person,
        step = max(step) over (partition by process) as is_last
    from procedures
    where not is_deleted
        and process is not null
        and activity is not null
)

select * from final
