{%- set columns = {
    'receipt_id': 'varchar',
    'source_name': 'varchar',
    'purchase_number': 'varchar',
    'supplier_id': 'varchar',
    'supplier_number': 'varchar',
    'supplier': 'varchar',
    'item': 'varchar',
    'warehouse': 'varchar',
    'warehouse_time_zone': 'varchar',
    'ordered_at': 'timestamp',
    'ordered_on': 'date',
    'promised_on': 'date',
    'received_at': 'timestamp',
    'received_on': 'date',
    'is_cancelled': 'boolean',
    'quantity': 'decimal(18,4)',
} %}

with
final as (
    {{ from_all_kinds('int_receipts', ['erpnext', 'odoo', 'supplier_deliveries', 'tryton'], columns) }}
)

select * from final
