{%- set columns = {
    'lead_id': 'varchar',
    'event_at': 'timestamp',
    'from_stage': 'varchar',
    'to_stage': 'varchar',
} %}

with
final as (
    {{ from_all_kinds('int_lead_events', ['erpnext', 'hubspot', 'odoo', 'salesforce', 'tryton'], columns) }}
)

select * from final
