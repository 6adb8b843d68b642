{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='ticket_id', meta={'changed': 'int_changed_tickets'}) }}

with
tickets as (
    select * from {{ ref('int_tickets') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

terms as (
    select * from {{ ref('int_ticket_terms') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

clocks as (
    select * from {{ ref('fct_ticket_slas') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

events as (
    select * from {{ ref('int_ticket_events') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

teams as (
    select * from {{ ref('stg_files__teams') }}
    where not is_deleted
    qualify row_number() over (partition by lower(team) order by batch_id desc, ordinal desc) = 1
),

replies_to_resolution as (
    select
        events.ticket_id,
        count(*) as reply_count
    from events
    inner join tickets using (ticket_id)
    where events.event_kind = 'public_reply'
        and events.actor_kind = 'agent'
        and events.event_at between tickets.created_at and tickets.first_resolved_at
    group by events.ticket_id
),

own_verdicts as (
    select
        ticket_id,
        count(*) filter (where outcome = 'breached') as breached_count,
        count(*) filter (where outcome = 'undecided') as undecided_count,
        count(*) filter (where outcome = 'met') as met_count,
        min(decided_at) filter (where outcome = 'breached') as breached_at,
        max(decided_at) filter (where outcome = 'met') as met_at
    from clocks
    group by ticket_id
),

-- what the source itself says about its agreement counts before what is worked out here
verdicts as (
    select
        tickets.ticket_id,
        case
            when tickets.source_sla_met is not null then case when tickets.source_sla_decided_at is not null then tickets.source_sla_met end
            when own_verdicts.breached_count > 0 then false
            when own_verdicts.undecided_count = 0 and own_verdicts.met_count > 0 then true
        end as sla_met,
        case
            when tickets.source_sla_met is not null then tickets.source_sla_decided_at
            when own_verdicts.breached_count > 0 then own_verdicts.breached_at
            when own_verdicts.undecided_count = 0 then own_verdicts.met_at
        end as sla_decided_at
    from tickets
    left join own_verdicts using (ticket_id)
),

instants as (
    select
        tickets.*,
        terms.policy,
        terms.calendar,
        teams.department,
        teams.time_zone
    from tickets
    inner join terms using (ticket_id)
    left join teams
        on lower(tickets.team) = lower(teams.team)
),

timed as (
    {{ with_business_time('instants', 'calendar', {
        'created_at': 'created',
        'first_human_reply_at': 'replied',
        'resolved_at': 'resolved',
    }) }}
),

final as (
    select
        timed.ticket_id,
        timed.source_name,
        timed.source_ticket_id,
        timed.subject,
        timed.requester_id,
        timed.channel,
        timed.priority,
        timed.created_priority,
        timed.team,
        timed.created_team,
        timed.department,
        timed.time_zone,
        timed.assignee,
        timed.status,
        coalesce(timed.policy, timed.sla_policy) as sla_policy,
        timed.calendar,
        timed.created_at,
        {{ reporting_day('timed.created_at') }} as created_on,
        timed.first_human_reply_at,
        timed.human_reply_count,
        case when timed.human_reply_count is not null then coalesce(replies_to_resolution.reply_count, 0) end as human_replies_to_first_resolution,
        timed.first_resolved_at,
        timed.resolved_at,
        timed.ended_at,
        {{ reporting_day('timed.resolved_at') }} as resolved_on,
        timed.reopened_at,
        timed.reopen_count,
        coalesce(timed.reopened_at <= timed.first_resolved_at + interval 7 days, false) as is_reopened_within_7_days,
        timed.rating,
        timed.rated_at,
        verdicts.sla_met,
        verdicts.sla_decided_at,
        (timed.replied - timed.created) / 60000000.0 as first_reply_business_minutes,
        (timed.resolved - timed.created) / 3600000000.0 as resolution_business_hours,
        (epoch_us(timed.resolved_at) - epoch_us(timed.created_at)) / 3600000000.0 as resolution_elapsed_hours
    from timed
    left join verdicts using (ticket_id)
    left join replies_to_resolution using (ticket_id)
)

select * from final
