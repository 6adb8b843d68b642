{{ config(enabled=has_kind('hubspot')) }}

with
tickets as (
    select * from {{ ref('stg_hubspot__tickets') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }} and not is_deleted
),

changes as (
    select * from {{ ref('stg_hubspot__ticket_changes') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }} and not is_deleted
),

stages as (
    select * from {{ ref('int_ticket_stages__hubspot') }}
),

owners as (
    select * from {{ ref('int_ticket_owners__hubspot') }}
),

stated as (
    select
        changes.source_name,
        changes.ticket_number,
        'status' as event_kind,
        changes.entered_at,
        coalesce(stages.ticket_status, 'open') as to_value
    from changes
    left join stages
        on changes.source_name = stages.source_name
        and changes.value = stages.stage
    where changes.field = 'stage'
    union all
    select
        source_name,
        ticket_number,
        'priority' as event_kind,
        entered_at,
        {{ priority_by_word('value') }} as to_value
    from changes
    where field = 'priority'
),

-- What a ticket began with is the first entry of its history, unless that was set later: a ticket is new until its first stage says otherwise, and had no
-- priority until its first one.
followed as (
    select
        stated.source_name,
        stated.ticket_number,
        stated.event_kind,
        stated.entered_at,
        stated.to_value,
        lag(stated.to_value) over history as previous_value,
        row_number() over history = 1 and stated.entered_at <= tickets.created_at + interval 1 second as is_beginning
    from stated
    inner join tickets using (source_name, ticket_number)
    window history as (partition by stated.source_name, stated.ticket_number, stated.event_kind order by stated.entered_at, stated.to_value)
),

happened as (
    select
        source_name,
        ticket_number,
        created_at as event_at,
        'created' as event_kind,
        'requester' as actor_kind,
        cast(null as varchar) as from_value,
        cast(null as varchar) as to_value
    from tickets
    union all
    select
        source_name,
        ticket_number,
        entered_at,
        event_kind,
        'system',
        case event_kind when 'status' then coalesce(previous_value, 'new') else previous_value end,
        to_value
    from followed
    where case event_kind when 'status' then coalesce(previous_value, 'new') else previous_value end is distinct from to_value
        and not (is_beginning and event_kind = 'priority')
    {%- for kind in ['team', 'assignee'] %}
    union all
    select
        source_name,
        ticket_number,
        entered_at,
        '{{ kind }}',
        'system',
        previous_{{ kind }},
        {{ kind }}
    from owners
    where {{ kind }} is distinct from previous_{{ kind }}
    {%- endfor %}
    union all
    select
        source_name,
        ticket_number,
        first_replied_at,
        'public_reply',
        'agent',
        null,
        null
    from tickets
    where first_replied_at is not null
),

final as (
    select
        source_name || ':' || ticket_number || ':' || event_kind || ':' || epoch_ms(event_at) || ':' || coalesce(to_value, '') as event_id,
        source_name || ':' || ticket_number as ticket_id,
        source_name,
        event_at,
        row_number() over (
            partition by source_name, ticket_number
            order by event_at, event_kind <> 'created', event_kind, to_value
        ) as sequence,
        event_kind,
        actor_kind,
        cast(null as varchar) as actor,
        from_value,
        to_value
    from happened
)

select * from final
