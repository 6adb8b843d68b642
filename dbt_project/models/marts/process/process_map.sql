with
events as (
    select * from {{ ref('int_process_events') }}
),

steps as (
    select
        process,
        activity as from_activity,
        next_activity as to_activity,
        is_first_passage,
        {{ hours_between('event_at', 'next_at') }} as hours
    from events
    where next_activity is not null
        and case_began_at >= {{ end_of_as_of() }} - interval '{{ process_days() }} days'
),

final as (
    select
        process,
        from_activity,
        to_activity,
        count(*) as transition_count,
        count(*) filter (where is_first_passage) as case_count,
        cast(median(hours) as double) as median_hours,
        cast(quantile_cont(hours, 0.9) as double) as p90_hours,
        cast(sum(hours) as double) as total_hours,
        cast(sum(hours) / nullif(sum(sum(hours)) over (partition by process), 0) as double) as share_of_time
    from steps
    group by process, from_activity, to_activity
)

select * from final
