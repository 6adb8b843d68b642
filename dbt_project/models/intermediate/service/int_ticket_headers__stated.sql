{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='ticket_id', meta={'changed': 'int_changed_tickets'}) }}

-- A source tells what a ticket is like now. Where its events say that a field changed after the as_of day, the field is turned
-- back to what it was before the first of those changes, so that an old day can be built again.
{%- set columns = {
    'ticket_id': 'varchar',
    'source_name': 'varchar',
    'source_ticket_id': 'varchar',
    'subject': 'varchar',
    'requester_id': 'varchar',
    'channel': 'varchar',
    'priority': 'varchar',
    'team': 'varchar',
    'assignee': 'varchar',
    'status': 'varchar',
    'sla_policy': 'varchar',
    'created_at': 'timestamp',
    'source_resolved_at': 'timestamp',
    'source_reopened_at': 'timestamp',
    'source_reopen_count': 'bigint',
    'rating': 'varchar',
    'rated_at': 'timestamp',
    'source_sla_met': 'boolean',
    'source_sla_decided_at': 'timestamp',
    'has_replies': 'boolean',
    'unknown_status': 'varchar',
    'labels': 'varchar[]',
} %}

with
source_tickets as (
    {{ from_all_kinds('int_tickets', ['erpnext', 'freshdesk', 'hubspot', 'odoo', 'request_tracker', 'salesforce', 'servicenow', 'zendesk'], columns) }}
),

events as (
    select * from {{ ref('int_ticket_history') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

later_changes as (
    select
        ticket_id,
        arg_min_null(from_value, (event_at, sequence)) filter (where event_kind = 'status') as status_before,
        arg_min_null(from_value, (event_at, sequence)) filter (where event_kind = 'team') as team_before,
        arg_min_null(from_value, (event_at, sequence)) filter (where event_kind = 'assignee') as assignee_before,
        arg_min_null(from_value, (event_at, sequence)) filter (where event_kind = 'priority') as priority_before,
        coalesce(bool_or(event_kind = 'status'), false) as is_status_later,
        coalesce(bool_or(event_kind = 'team'), false) as is_team_later,
        coalesce(bool_or(event_kind = 'assignee'), false) as is_assignee_later,
        coalesce(bool_or(event_kind = 'priority'), false) as is_priority_later
    from events
    where event_at >= {{ end_of_as_of() }}
    group by ticket_id
),

first_ends as (
    select
        ticket_id,
        min(event_at) as first_done_at
    from events
    where event_kind = 'status' and {{ is_done('to_value') }}
    group by ticket_id
),

final as (
    select
        source_tickets.* replace (
            case when later_changes.is_status_later then coalesce(later_changes.status_before, 'new') else source_tickets.status end as status,
            case when later_changes.is_team_later then later_changes.team_before else source_tickets.team end as team,
            case when later_changes.is_assignee_later then later_changes.assignee_before else source_tickets.assignee end as assignee,
            case when later_changes.is_priority_later then later_changes.priority_before else source_tickets.priority end as priority
        ),
        first_ends.first_done_at
    from source_tickets
    left join later_changes using (ticket_id)
    left join first_ends using (ticket_id)
    -- a ticket of no day is a bad row, not one of the days to come
    where coalesce(source_tickets.created_at, timestamp '0001-01-01') < {{ end_of_as_of() }} or source_tickets.created_at >= {{ first_incredible_day() }}
)

select * from final
