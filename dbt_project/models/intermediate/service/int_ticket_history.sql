{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='ticket_id', meta={'changed': 'int_changed_tickets'}) }}

{%- set columns = {
    'event_id': 'varchar',
    'ticket_id': 'varchar',
    'source_name': 'varchar',
    'event_at': 'timestamp',
    'sequence': 'bigint',
    'event_kind': 'varchar',
    'actor_kind': 'varchar',
    'actor': 'varchar',
    'from_value': 'varchar',
    'to_value': 'varchar',
} %}

with
mapped as (
    {{ from_all_kinds('int_ticket_events', ['erpnext', 'freshdesk', 'hubspot', 'odoo', 'request_tracker', 'salesforce', 'servicenow', 'zendesk'], columns) }}
),

final as (
    select * from mapped
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
)

select * from final
