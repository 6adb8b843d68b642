{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='order_id', meta={'changed': 'int_changed_orders'}) }}

{%- set columns = {
    'order_line_id': 'varchar',
    'order_id': 'varchar',
    'source_name': 'varchar',
    'product': 'varchar',
    'product_name': 'varchar',
    'quantity': 'decimal(18,4)',
    'unit_price': 'decimal(18,4)',
    'amount': 'decimal(18,4)',
    'currency': 'varchar',
    'cost_amount_stated': 'decimal(18,4)',
    'cost_currency': 'varchar',
    'priced_on': 'date',
    'is_cancelled': 'boolean',
} %}

with
mapped as (
    {{ from_all_kinds('int_order_lines', ['erpnext', 'odoo', 'online_retail', 'shopify', 'tryton'], columns) }}
),

lines as (
    select * from mapped
    where {{ only_changed('int_changed_orders', 'order_id') }}
),

exchange_rates as (
    select * from {{ ref('int_exchange_rates') }}
),

-- the rate of a day without one is the last one before it
final as (
    select
        lines.order_line_id,
        lines.order_id,
        lines.source_name,
        lines.product,
        lines.product_name,
        lines.quantity,
        lines.unit_price,
        lines.currency,
        price_rates.rate as exchange_rate,
        cast(lines.amount / price_rates.rate as decimal(18, 4)) as net_amount,
        cast(lines.cost_amount_stated / cost_rates.rate as decimal(18, 4)) as cost_amount,
        lines.priced_on,
        lines.is_cancelled
    from lines
    asof left join exchange_rates as price_rates
        on lines.currency = price_rates.currency
        and lines.priced_on >= price_rates.valid_from_on
    asof left join exchange_rates as cost_rates
        on lines.cost_currency = cost_rates.currency
        and lines.priced_on >= cost_rates.valid_from_on
)

select * from final
