{%- set columns = {
    'draft_line_id': 'varchar',
    'source_name': 'varchar',
    'purchase_number': 'varchar',
    'supplier_id': 'varchar',
    'supplier_number': 'varchar',
    'item': 'varchar',
    'quantity': 'decimal(18,4)',
    'drafted_at': 'timestamp',
    'wanted_on': 'date',
} %}

with
final as (
    {{ from_all_kinds('int_draft_purchase_lines', ['erpnext', 'odoo', 'tryton'], columns) }}
)

select * from final
