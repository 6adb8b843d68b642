with
events as (
    select * from {{ ref('int_process_events') }}
),

cases as (
    select * from {{ ref('int_process_cases') }}
),

recent as (
    select
        process,
        case_id
    from cases
    where started_at >= {{ end_of_as_of() }} - interval '{{ process_days() }} days'
),

steps as (
    select
        process,
        case_id,
        activity as from_activity,
        next_activity as to_activity,
        event_at as left_at,
        next_at as reached_at
    from events
    semi join recent using (process, case_id)
    where next_activity is not null
),

final as (
    select
        process,
        from_activity,
        to_activity,
        count(*) as transition_count,
        count(distinct case_id) as case_count,
        cast(median({{ hours_between('left_at', 'reached_at') }}) as double) as median_hours,
        cast(quantile_cont({{ hours_between('left_at', 'reached_at') }}, 0.9) as double) as p90_hours,
        cast(sum({{ hours_between('left_at', 'reached_at') }}) as double) as total_hours,
        cast(sum({{ hours_between('left_at', 'reached_at') }}) / nullif(sum(sum({{ hours_between('left_at', 'reached_at') }})) over (partition by process), 0) as double) as share_of_time
    from steps
    group by process, from_activity, to_activity
)

select * from final
