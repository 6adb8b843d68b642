{{ config(enabled=has_kind('erpnext'), materialized='view') }}

with
issues as (
    select * from {{ ref('stg_erpnext__issues') }}
),

changes as (
    select * from {{ ref('stg_erpnext__changes') }}
),

communications as (
    select * from {{ ref('stg_erpnext__communications') }}
),

history_as_built as (
    {{ as_built('int_ticket_history', {'event_id': 'varchar', 'ticket_id': 'varchar'}, schema='intermediate') }}
),

concerned as (
    select source_name, issue_name from issues
    where {{ has_happened_since('greatest(created_at, first_responded_at, resolved_at, response_due_at, resolution_due_at)') }}
    union
    select source_name, document_name from changes where doctype = 'Issue' and {{ has_happened_since('changed_at') }}
    union
    select source_name, issue_name from communications where {{ has_happened_since('said_at') }}
),

final as (
    select source_name || ':' || issue_name as ticket_id
    from concerned
    where issue_name is not null
    union
    {{ tickets_of_events_gone_tonight(['changes', 'communications']) }}
    union
    select source_name || ':' || record_key as ticket_id
    from issues
    where is_deleted and {{ landed_tonight() }}
)

select * from final
