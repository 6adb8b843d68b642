{%- set columns = {
    'correction_id': 'varchar',
    'order_id': 'varchar',
    'source_name': 'varchar',
    'corrected_at': 'timestamp',
    'kind': 'varchar',
    'revenue_effect': 'varchar',
    'reason': 'varchar',
    'is_our_fault': 'boolean',
    'business_unit': 'varchar',
    'region': 'varchar',
    'currency': 'varchar',
    'amount': 'decimal(18,4)',
} %}

with
corrections as (
    {{ from_all_kinds('int_order_corrections', ['erpnext', 'odoo', 'online_retail', 'shopify', 'tryton'], columns) }}
),

exchange_rates as (
    select * from {{ ref('int_exchange_rates') }}
),

priced as (
    select
        *,
        {{ reporting_day('corrected_at') }} as priced_on
    from corrections
),

final as (
    select
        priced.correction_id,
        priced.order_id,
        priced.source_name,
        priced.corrected_at,
        priced.kind,
        priced.revenue_effect,
        priced.reason,
        priced.is_our_fault,
        priced.business_unit,
        priced.region,
        priced.currency,
        cast(priced.amount / exchange_rates.rate as decimal(18, 4)) as net_amount
    from priced
    asof left join exchange_rates
        on priced.currency = exchange_rates.currency
        and priced.priced_on >= exchange_rates.valid_from_on
)

select * from final
