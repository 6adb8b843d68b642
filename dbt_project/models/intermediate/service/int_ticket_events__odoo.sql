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

-- the words that a ticket began with are no reply: a mail is there just before its ticket or with it
said as (
    select
        messages.*,
        coalesce(users.email, users.login) as actor,
        case
            -- OdooBot, in whose name automated actions write
            when users.login = '__system__' then 'bot'
            when users.user_id is not null then 'agent'
            when messages.author_id is null then 'system'
            else 'requester'
        end as actor_kind
    from messages
    inner join tickets using (source_name, ticket_id)
    left join users
        on messages.source_name = users.source_name
        and messages.author_id = users.partner_id
        and not users.is_deleted
    where not (users.user_id is null and messages.said_at <= tickets.created_at + interval 1 minute)
),

happened as (
    select
        source_name,
        ticket_id,
        cast(ticket_id as varchar) as event_key,
        created_at as event_at,
        'created' as event_kind,
        'requester' as actor_kind,
        cast(null as varchar) as actor,
        cast(null as varchar) as from_value,
        cast(null as varchar) as to_value
    from tickets
    union all
    select
        changes.source_name,
        changes.document_id,
        'change:' || changes.change_id,
        changes.changed_at,
        'status',
        'system',
        null,
        coalesce(stages_before.ticket_status, 'open'),
        coalesce(stages.ticket_status, 'open')
    from changes
    left join stages
        on changes.source_name = stages.source_name
        and changes.new_number = stages.stage_id
    left join stages as stages_before
        on changes.source_name = stages_before.source_name
        and changes.old_number = stages_before.stage_id
    where changes.field = 'stage_id'
        -- two stages of the company's may be one of ours
        and coalesce(stages_before.ticket_status, 'open') <> coalesce(stages.ticket_status, 'open')
    union all
    select
        changes.source_name,
        changes.document_id,
        'change:' || changes.change_id,
        changes.changed_at,
        'team',
        'system',
        null,
        coalesce(teams_before.name, nullif(changes.old_text, '')),
        coalesce(teams.name, nullif(changes.new_text, ''))
    from changes
    left join teams
        on changes.source_name = teams.source_name
        and changes.new_number = teams.team_id
        and not teams.is_deleted
    left join teams as teams_before
        on changes.source_name = teams_before.source_name
        and changes.old_number = teams_before.team_id
        and not teams_before.is_deleted
    where changes.field = 'team_id'
    union all
    select
        changes.source_name,
        changes.document_id,
        'change:' || changes.change_id,
        changes.changed_at,
        'assignee',
        'system',
        null,
        case when changes.old_number > 0 then coalesce(users_before.email, users_before.login, 'user ' || changes.old_number) end,
        case when changes.new_number > 0 then coalesce(users.email, users.login, 'user ' || changes.new_number) end
    from changes
    left join users
        on changes.source_name = users.source_name
        and changes.new_number = users.user_id
        and not users.is_deleted
    left join users as users_before
        on changes.source_name = users_before.source_name
        and changes.old_number = users_before.user_id
        and not users_before.is_deleted
    where changes.field = 'user_id'
    union all
    select
        source_name,
        ticket_id,
        'message:' || message_id,
        said_at,
        if(is_internal, 'private_note', 'public_reply'),
        actor_kind,
        actor,
        null,
        null
    from said
),

final as (
    select
        happened.source_name || ':' || happened.event_key || ':' || happened.event_kind as event_id,
        happened.source_name || ':' || happened.ticket_id as ticket_id,
        happened.source_name,
        happened.event_at,
        row_number() over (
            partition by happened.source_name, happened.ticket_id
            order by happened.event_at, happened.event_kind <> 'created', happened.event_key, happened.event_kind
        ) as sequence,
        happened.event_kind,
        happened.actor_kind,
        happened.actor,
        happened.from_value,
        happened.to_value
    from happened
    semi join tickets
        on happened.source_name = tickets.source_name
        and happened.ticket_id = tickets.ticket_id
)

select * from final
