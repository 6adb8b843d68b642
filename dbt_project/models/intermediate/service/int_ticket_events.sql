{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='ticket_id', meta={'changed': 'int_changed_tickets'}) }}

with
history as (
    select * from {{ ref('int_ticket_history') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

headers as (
    select * from {{ ref('int_ticket_headers') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

visible as (
    select history.*
    from history
    semi join headers using (ticket_id)
    where history.event_at < {{ end_of_as_of() }}
),

-- a source that states when a ticket was resolved but keeps no history of it
stated_resolutions as (
    select
        ticket_id || ':stated' as event_id,
        ticket_id,
        source_name,
        source_resolved_at as event_at,
        cast(0 as bigint) as sequence,
        'status' as event_kind,
        'system' as actor_kind,
        cast(null as varchar) as actor,
        'new' as from_value,
        'solved' as to_value
    from headers
    where source_resolved_at < {{ end_of_as_of() }}
        and {{ is_done('status') }}
        and ticket_id not in (select ticket_id from visible where event_kind = 'status')
),

final as (
    select
        event_id,
        ticket_id,
        source_name,
        event_at,
        sequence,
        event_kind,
        actor_kind,
        actor,
        from_value,
        to_value
    from visible
    union all by name
    select * from stated_resolutions
)

select * from final
