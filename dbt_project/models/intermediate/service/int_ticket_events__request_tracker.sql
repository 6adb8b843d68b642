{{ config(enabled=has_kind('request_tracker')) }}

with
transactions as (
    select * from {{ ref('stg_request_tracker__transactions') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }}
        and not is_deleted and object_type = 'RT::Ticket'
),

actors as (
    select * from {{ ref('int_actors__request_tracker') }}
),

queues as (
    select * from {{ ref('stg_request_tracker__queues') }}
),

custom_fields as (
    select * from {{ ref('stg_request_tracker__custom_fields') }}
),

tickets as (
    select * from {{ ref('stg_request_tracker__tickets') }}
),

told as (
    select
        transactions.*,
        case
            when transaction_type = 'Create' then 'created'
            when transaction_type = 'Correspond' then 'public_reply'
            when transaction_type = 'Comment' then 'private_note'
            when transaction_type = 'Status' then 'status'
            when transaction_type = 'Set' and field = 'Queue' then 'team'
            -- told a second time in the same second as SetWatcher, which is not read
            when transaction_type = 'Set' and field = 'Owner' then 'assignee'
            when transaction_type = 'Set' and field = 'Priority' then 'priority'
            when lower(custom_fields.custom_field_name) = 'customer rating'
                and lower(new_value) in ('good', 'bad') then 'rating'
        end as event_kind,
        coalesce(list_contains(tickets.requestors, transactions.creator), false) as is_by_requestor
    from transactions
    left join tickets using (source_name, ticket_number)
    left join custom_fields
        on transactions.source_name = custom_fields.source_name
        and case when transactions.transaction_type = 'CustomField' then transactions.field end = custom_fields.record_key
),

-- names are looked up by plain equality: with the kind in the join's condition every row is compared with every account
keyed as (
    select
        *,
        case when event_kind = 'team' then old_value end as queue_before,
        case when event_kind = 'team' then new_value end as queue_after,
        case when event_kind = 'assignee' then old_value end as owner_before,
        case when event_kind = 'assignee' then new_value end as owner_after
    from told
    where event_kind is not null
),

final as (
    select
        told.source_name || ':' || told.transaction_number as event_id,
        told.source_name || ':' || told.ticket_number as ticket_id,
        told.source_name,
        told.created_at as event_at,
        told.transaction_number as sequence,
        told.event_kind,
        case when told.is_by_requestor then 'requester' else coalesce(actors.actor_kind, 'requester') end as actor_kind,
        coalesce(actors.actor, told.creator) as actor,
        case told.event_kind
            when 'status' then coalesce({{ request_tracker_status('told.old_value') }}, 'open')
            when 'team' then coalesce(queues_before.queue_name, told.old_value)
            when 'assignee' then nullif(coalesce(owners_before.actor, told.old_value), 'Nobody')
            when 'priority' then {{ request_tracker_priority('try_cast(told.old_value as bigint)') }}
            when 'rating' then nullif(lower(told.old_value), '')
        end as from_value,
        case told.event_kind
            -- closing what nobody resolved resolves it in that moment; rejecting does not
            when 'status' then if(
                told.new_value = 'closed' and told.old_value not in ('resolved', 'rejected'),
                'solved',
                coalesce({{ request_tracker_status('told.new_value') }}, 'open')
            )
            when 'team' then coalesce(queues_after.queue_name, told.new_value)
            when 'assignee' then nullif(coalesce(owners_after.actor, told.new_value), 'Nobody')
            when 'priority' then {{ request_tracker_priority('try_cast(told.new_value as bigint)') }}
            when 'rating' then lower(told.new_value)
        end as to_value
    from keyed as told
    left join actors
        on told.source_name = actors.source_name
        and told.creator = actors.user_name
    left join queues as queues_before
        on told.source_name = queues_before.source_name
        and told.queue_before = cast(queues_before.queue_number as varchar)
    left join queues as queues_after
        on told.source_name = queues_after.source_name
        and told.queue_after = cast(queues_after.queue_number as varchar)
    left join actors as owners_before
        on told.source_name = owners_before.source_name
        and told.owner_before = owners_before.user_number
    left join actors as owners_after
        on told.source_name = owners_after.source_name
        and told.owner_after = owners_after.user_number
)

select * from final
