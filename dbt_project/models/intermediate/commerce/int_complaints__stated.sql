{%- set columns = {
    'complaint_id': 'varchar',
    'source_name': 'varchar',
    'complaint_number': 'varchar',
    'order_id': 'varchar',
    'ticket_id': 'varchar',
    'kind': 'varchar',
    'is_major': 'boolean',
    'opened_at': 'timestamp',
    'due_at': 'timestamp',
    'resolved_at': 'timestamp',
    'is_agreed': 'boolean',
} %}

with
final as (
    {{ from_all_kinds('int_complaints', ['tryton'], columns) }}
)

select * from final
