{{ config(enabled=has_kind('odoo')) }}

with
tickets as (
    select * from {{ ref('stg_odoo__tickets') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_id", 'ticket_id') }} and not is_deleted
),

changes as (
    select * from {{ ref('int_tracked_changes__odoo') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || document_id", 'ticket_id') }} and model = 'helpdesk.ticket'
),

messages as (
    select * from {{ ref('stg_odoo__messages') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_id", 'ticket_id') }} and not is_deleted
),

stages as (
    select * from {{ ref('int_ticket_stages__odoo') }}
),

teams as (
    select * from {{ ref('stg_odoo__ticket_teams') }}
),

users as (
    select * from {{ ref('stg_odoo__users') }}
),

-- a ticket that a mail opened has that mail as its first message
openings as (
    select
        source_name,
        ticket_id,
        arg_min(message_type, (said_at, message_id)) as message_type
    from messages
    group by source_name, ticket_id
),

followed as (
    select distinct
        source_name,
        document_id as ticket_id
    from changes
    where field = 'stage_id'
),

final as (
    select
        tickets.source_name || ':' || tickets.ticket_id as ticket_id,
        tickets.source_name,
        coalesce(tickets.ticket_reference, cast(tickets.ticket_id as varchar)) as source_ticket_id,
        tickets.subject,
        tickets.source_name || ':' || tickets.partner_id as requester_id,
        case when openings.message_type = 'email' then 'email' end as channel,
        case tickets.priority_number when '0' then 'low' when '1' then 'normal' when '2' then 'high' when '3' then 'urgent' end as priority,
        teams.name as team,
        case when tickets.user_id is not null then coalesce(users.email, users.login, 'user ' || tickets.user_id) end as assignee,
        coalesce(stages.ticket_status, 'open') as status,
        cast(null as varchar) as sla_policy,
        tickets.created_at,
        -- told as events, but of what has no history of its stages
        case when followed.ticket_id is null then tickets.closed_at end as source_resolved_at,
        cast(null as timestamp) as source_reopened_at,
        cast(null as bigint) as source_reopen_count,
        cast(null as varchar) as rating,
        cast(null as timestamp) as rated_at,
        cast(null as boolean) as source_sla_met,
        cast(null as timestamp) as source_sla_decided_at,
        true as has_replies,
        case when stages.ticket_status is null then cast(tickets.stage_id as varchar) end as unknown_status,
        cast(null as varchar[]) as labels
    from tickets
    left join openings using (source_name, ticket_id)
    left join followed using (source_name, ticket_id)
    left join stages
        on tickets.source_name = stages.source_name
        and tickets.stage_id = stages.stage_id
    left join teams
        on tickets.source_name = teams.source_name
        and tickets.team_id = teams.team_id
        and not teams.is_deleted
    left join users
        on tickets.source_name = users.source_name
        and tickets.user_id = users.user_id
        and not users.is_deleted
)

select * from final
