{%- set correction_columns = {
    'correction_id': 'varchar',
    'order_id': 'varchar',
    'corrected_at': 'timestamp',
    'revenue_effect': 'varchar',
    'is_our_fault': 'boolean',
    'net_amount': 'decimal(18, 4)',
} %}

with
concerned as (
    {{ from_all_kinds('int_changed_orders', ['erpnext', 'odoo', 'online_retail', 'shopify', 'tryton'], {'order_id': 'varchar'}) }}
),

corrections as (
    select * from {{ ref('int_order_corrections') }}
),

corrections_as_built as (
    {{ as_built('built_order_corrections', correction_columns) }}
),

exchange_rates as (
    select * from {{ ref('int_exchange_rates') }}
),

exchange_rates_as_built as (
    {{ as_built('built_exchange_rates', {'currency': 'varchar', 'valid_from_on': 'date', 'rate': 'double'}) }}
),

orders_as_built as (
    {{ as_built('fct_orders', {
        'order_id': 'varchar',
        'placed_on': 'date',
        'promised_on': 'date',
        'promise_decided_on': 'date',
        'first_promised_on': 'date',
        'first_promise_decided_on': 'date',
    }, schema='marts') }}
),

changed_corrections as (
    (select {{ correction_columns | join(', ') }} from corrections except select * from corrections_as_built)
    union
    (select * from corrections_as_built except select {{ correction_columns | join(', ') }} from corrections)
),

-- a rate is good from its day on
changed_rates as (
    select min(valid_from_on) as changes_from
    from (
        (select currency, valid_from_on, rate from exchange_rates except select * from exchange_rates_as_built)
        union
        (select * from exchange_rates_as_built except select currency, valid_from_on, rate from exchange_rates)
    )
),

found as (
    select order_id from concerned
    union
    select order_id from changed_corrections where order_id is not null
    union
    select order_id from corrections where order_id is not null and corrected_at >= {{ end_of_last_build() }}
    union
    -- promises that may be broken by now
    select order_id
    from orders_as_built
    where placed_on >= (select changes_from from changed_rates)
        or (promised_on is not null and promise_decided_on is null)
        or (first_promised_on is not null and first_promise_decided_on is null)
),

-- nobody asks when everything is worked out anyway
final as (
    select * from found
    where not {{ works_all_out() }}
)

select * from final
