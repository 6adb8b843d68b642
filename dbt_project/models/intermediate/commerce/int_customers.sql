{%- set columns = {
    'customer_id': 'varchar',
    'source_name': 'varchar',
    'customer_number': 'varchar',
    'country': 'varchar',
    'region': 'varchar',
    'created_at': 'timestamp',
} %}

with
final as (
    {{ from_all_kinds('int_customers', ['erpnext', 'hubspot', 'odoo', 'online_retail', 'salesforce', 'shopify', 'tryton'], columns) }}
)

select * from final
