{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='case_id',
    meta={'changed': 'int_changed_cases', 'also': "process = 'lead'"}) }}

with
events as (
    select * from {{ ref('int_process_events') }}
    where {{ only_changed('int_changed_cases', 'case_id') }}
        or process = 'lead'
),

steps as (
    select * from {{ ref('int_process_steps') }}
),

last_steps as (
    select process, activity from steps where is_last
),

counted as (
    select
        process,
        case_id,
        activity,
        count(*) as times,
        min(event_at) as first_at,
        min(position) as first_position
    from events
    group by process, case_id, activity
),

ended as (
    select
        counted.process,
        counted.case_id,
        counted.first_at as ended_at
    from counted
    semi join last_steps using (process, activity)
),

-- Text by text, up to the last: all texts of a case sorted in one aggregate take six times as long, and memory for all cases at once.
shaped as (
    select
        process,
        case_id,
        string_agg(activity, ' > ') over (partition by process, case_id order by position rows between unbounded preceding and current row) as variant,
        case_began_at as started_at,
        event_at as latest_at,
        position as event_count
    from events
    qualify next_activity is null
),

repeated as (
    select
        process,
        case_id,
        max(times) > 1 as has_rework
    from counted
    group by process, case_id
),

final as (
    select
        shaped.process,
        shaped.case_id,
        shaped.variant,
        shaped.started_at,
        ended.ended_at,
        {{ reporting_day('ended.ended_at') }} as ended_on,
        shaped.latest_at,
        shaped.event_count,
        repeated.has_rework
    from shaped
    inner join repeated
        on shaped.process = repeated.process
        and shaped.case_id = repeated.case_id
    left join ended
        on shaped.process = ended.process
        and shaped.case_id = ended.case_id
)

select * from final
