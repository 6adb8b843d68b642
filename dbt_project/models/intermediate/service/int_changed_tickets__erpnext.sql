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
    {{ happened_since(ref('stg_erpnext__issues'), 'source_name, issue_name', 'greatest(created_at, first_responded_at, resolved_at, response_due_at, resolution_due_at)') }}
    union
    {{ happened_since(ref('stg_erpnext__changes'), 'source_name, document_name', 'changed_at', also="doctype = 'Issue'") }}
    union
    {{ happened_since(ref('stg_erpnext__communications'), 'source_name, issue_name', 'said_at') }}
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
