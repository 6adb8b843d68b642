{%- set columns = {
    'native_product_id': 'varchar',
    'source_name': 'varchar',
    'product': 'varchar',
    'product_name': 'varchar',
    'category': 'varchar',
    'kind': 'varchar',
    'list_price': 'decimal(18,4)',
    'cost_price': 'decimal(18,4)',
    'currency': 'varchar',
} %}

with
final as (
    {{ from_all_kinds('int_products', ['erpnext', 'odoo', 'shopify', 'tryton'], columns) }}
)

select * from final
