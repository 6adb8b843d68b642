with
cases as (
    select * from {{ ref('int_process_cases') }}
),

events as (
    select * from {{ ref('int_process_events') }}
),

steps as (
    select * from {{ ref('int_process_steps') }}
),

ticket_headers as (
    select * from {{ ref('int_ticket_headers') }}
),

-- a helpdesk that does not tell who wrote what cannot say whether anybody answered
untold as (
    select
        'ticket' as process,
        ticket_id as case_id,
        'answered' as activity
    from ticket_headers
    where not has_replies
),

-- a case is judged when it has come to the procedure's last step
ended as (
    select * from cases where ended_at is not null
),

first_times as (
    select
        process,
        case_id,
        activity,
        min(event_at) as first_at,
        min(position) as first_position
    from events
    group by process, case_id, activity
),

walked as (
    select
        ended.process,
        ended.case_id,
        ended.ended_at,
        ended.ended_on,
        steps.step,
        steps.activity,
        steps.must_follow,
        steps.within_hours,
        own.first_at,
        own.first_position,
        earlier.first_at as followed_at,
        earlier.first_position as followed_position
    from ended
    inner join steps
        on ended.process = steps.process
    left join first_times as own
        on ended.process = own.process
        and ended.case_id = own.case_id
        and steps.activity = own.activity
    left join first_times as earlier
        on ended.process = earlier.process
        and ended.case_id = earlier.case_id
        and steps.must_follow = earlier.activity
    anti join untold
        on ended.process = untold.process
        and ended.case_id = untold.case_id
        and steps.activity = untold.activity
),

judged as (
    select
        *,
        {{ hours_between('followed_at', 'first_at') }} as hours,
        case
            when first_at is null then 'skipped'
            when first_position < followed_position then 'out_of_order'
            when {{ hours_between('followed_at', 'first_at') }} > within_hours then 'too_late'
        end as deviation
    from walked
),

final as (
    select
        process,
        case_id,
        step,
        activity,
        deviation,
        must_follow,
        within_hours,
        case when deviation = 'too_late' then cast(hours as double) end as hours,
        first_at,
        ended_at,
        ended_on
    from judged
    where deviation is not null
)

select * from final
