{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='case_id',
    meta={'changed': 'int_changed_cases', 'also': "process = 'lead'"}) }}

with
cases as (
    select * from {{ ref('int_process_cases') }}
    where {{ only_changed('int_changed_cases', 'case_id') }}
        or process = 'lead'
),

events as (
    select * from {{ ref('int_process_events') }}
    where {{ only_changed('int_changed_cases', 'case_id') }}
        or process = 'lead'
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
        min(position) as first_position,
        count(*) as times
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
        steps.at_most_once,
        steps.different_person,
        own.times,
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

-- who did both of two steps that two people must do
done_by_one as (
    select
        walked.process,
        walked.case_id,
        walked.step,
        min(mine.person) as person
    from walked
    inner join events as mine
        on walked.process = mine.process
        and walked.case_id = mine.case_id
        and walked.activity = mine.activity
    inner join events as other
        on walked.process = other.process
        and walked.case_id = other.case_id
        and walked.different_person = other.activity
        and mine.person = other.person
    group by walked.process, walked.case_id, walked.step
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

found as (
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
        ended_on,
        cast(null as bigint) as times,
        cast(null as varchar) as different_person,
        cast(null as varchar) as person
    from judged
    where deviation is not null
    union all
    select
        process,
        case_id,
        step,
        activity,
        'repeated' as deviation,
        must_follow,
        within_hours,
        null as hours,
        first_at,
        ended_at,
        ended_on,
        times,
        null as different_person,
        null as person
    from walked
    where at_most_once and times > 1
    union all
    select
        walked.process,
        walked.case_id,
        walked.step,
        walked.activity,
        'same_person' as deviation,
        walked.must_follow,
        walked.within_hours,
        null as hours,
        walked.first_at,
        walked.ended_at,
        walked.ended_on,
        null as times,
        walked.different_person,
        done_by_one.person
    from walked
    inner join done_by_one
        on walked.process = done_by_one.process
        and walked.case_id = done_by_one.case_id
        and walked.step = done_by_one.step
),

final as (
    select
        *,
        case deviation
            when 'skipped' then 'never happened'
            when 'out_of_order' then 'happened before ' || must_follow
            when 'too_late' then cast(round(cast(hours as decimal(18, 4)), 1) as varchar) || ' hours after ' || must_follow || ', at most ' || cast(within_hours as varchar)
            when 'repeated' then 'happened ' || times || ' times, at most once'
            else 'by the same person as ' || different_person
        end as evidence_en,
        case deviation
            when 'skipped' then '未执行'
            when 'out_of_order' then '早于 ' || must_follow || ' 执行'
            when 'too_late' then must_follow || ' 之后 ' || cast(round(cast(hours as decimal(18, 4)), 1) as varchar) || ' 小时,上限 ' || cast(within_hours as varchar)
            when 'repeated' then '执行了 ' || times || ' 次,最多一次'
            else '与 ' || different_person || ' 由同一人执行'
        end as evidence_zh
    from found
)

select * from final
