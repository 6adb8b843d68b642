{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='order_id', meta={'changed': 'int_changed_orders'}) }}

{%- set columns = {
    'order_id': 'varchar',
    'source_name': 'varchar',
    'order_number': 'varchar',
    'customer_id': 'varchar',
    'business_unit': 'varchar',
    'channel': 'varchar',
    'campaign': 'varchar',
    'region': 'varchar',
    'warehouse': 'varchar',
    'warehouse_time_zone': 'varchar',
    'carrier': 'varchar',
    'currency': 'varchar',
    'placed_at': 'timestamp',
    'confirmed_at': 'timestamp',
    'picked_at': 'timestamp',
    'packed_at': 'timestamp',
    'shipped_at': 'timestamp',
    'delivered_at': 'timestamp',
    'cancelled_at': 'timestamp',
    'requested_on': 'date',
    'promised_on': 'date',
    'first_promised_on': 'date',
    'promise_moved_at': 'timestamp',
    'has_linked_corrections': 'boolean',
    'placed_by': 'varchar',
    'confirmed_by': 'varchar',
    'picked_by': 'varchar',
    'packed_by': 'varchar',
    'shipped_by': 'varchar',
    'delivered_by': 'varchar',
} %}

with
headers as (
    {{ from_all_kinds('int_orders', ['erpnext', 'odoo', 'online_retail', 'shopify', 'tryton'], columns) }}
),

order_lines as (
    select * from {{ ref('int_order_lines') }}
    where {{ only_changed('int_changed_orders', 'order_id') }}
),

amounts as (
    select
        order_id,
        sum(net_amount) filter (where not is_cancelled) as net_amount,
        sum(net_amount) as gross_amount,
        -- one line of unknown cost makes the order's cost unknown, not smaller
        case
            when count(*) filter (where not is_cancelled and cost_amount is null) = 0
                then sum(cost_amount) filter (where not is_cancelled)
        end as cost_amount,
        max(exchange_rate) as exchange_rate
    from order_lines
    group by order_id
),

final as (
    select
        headers.order_id,
        headers.source_name,
        headers.order_number,
        headers.customer_id,
        headers.business_unit,
        headers.channel,
        headers.campaign,
        headers.region,
        headers.warehouse,
        headers.warehouse_time_zone,
        headers.carrier,
        headers.currency,
        headers.placed_at,
        headers.confirmed_at,
        headers.picked_at,
        headers.packed_at,
        headers.shipped_at,
        headers.delivered_at,
        headers.cancelled_at,
        headers.requested_on,
        headers.promised_on,
        headers.first_promised_on,
        headers.promise_moved_at,
        cast(amounts.net_amount as decimal(18, 4)) as net_amount,
        cast(amounts.gross_amount as decimal(18, 4)) as gross_amount,
        cast(amounts.cost_amount as decimal(18, 4)) as cost_amount,
        amounts.exchange_rate,
        headers.has_linked_corrections,
        headers.placed_by,
        headers.confirmed_by,
        headers.picked_by,
        headers.packed_by,
        headers.shipped_by,
        headers.delivered_by
    from headers
    left join amounts
        on headers.order_id = amounts.order_id
)

select * from final
