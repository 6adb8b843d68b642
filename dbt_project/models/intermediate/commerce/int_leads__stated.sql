{%- set columns = {
    'lead_id': 'varchar',
    'source_name': 'varchar',
    'lead_number': 'varchar',
    'customer_id': 'varchar',
    'owner': 'varchar',
    'channel': 'varchar',
    'campaign': 'varchar',
    'region': 'varchar',
    'created_at': 'timestamp',
    'converted_at': 'timestamp',
    'offered_at': 'timestamp',
    'won_at': 'timestamp',
    'lost_at': 'timestamp',
    'cancelled_at': 'timestamp',
    'lost_reason': 'varchar',
    'stage': 'varchar',
    'amount_stated': 'decimal(18,4)',
    'currency': 'varchar',
} %}

with
leads as (
    {{ from_all_kinds('int_leads', ['erpnext', 'hubspot', 'odoo', 'salesforce', 'tryton'], columns) }}
),

exchange_rates as (
    select * from {{ ref('int_exchange_rates') }}
),

dated as (
    select
        *,
        {{ reporting_day('created_at') }} as created_on
    from leads
),

final as (
    select
        dated.* exclude (created_on, amount_stated, currency),
        cast(dated.amount_stated / exchange_rates.rate as decimal(18, 4)) as amount
    from dated
    asof left join exchange_rates
        on dated.currency = exchange_rates.currency
        and dated.created_on >= exchange_rates.valid_from_on
)

select * from final
