{{ config(enabled=has_kind('shopify')) }}

with
orders as (
    select * from {{ ref('stg_shopify__orders') }}
    where {{ only_changed('int_changed_orders', "source_name || ':' || order_number", 'order_id') }}
),

fulfillments as (
    select * from {{ ref('stg_shopify__fulfillments') }}
),

customers as (
    select * from {{ ref('stg_shopify__customers') }}
),

shops as (
    select * from {{ ref('stg_shopify__shops') }}
),

locations as (
    select * from {{ ref('stg_shopify__locations') }}
),

warehouses as (
    select * from {{ ref('warehouses') }}
),

parcels as (
    select
        source_name,
        order_number,
        max(created_at) as last_left_at,
        {{ last_of_all('delivered_at') }} as delivered_at,
        arg_max(carrier, (created_at, fulfillment_number)) as carrier,
        arg_max(location_number, (created_at, fulfillment_number)) as location_number
    from fulfillments
    where fulfillment_number is not null and status in ('SUCCESS', 'OPEN', 'PENDING')
    group by source_name, order_number
),

final as (
    select
        orders.source_name || ':' || orders.order_number as order_id,
        orders.source_name,
        orders.name as order_number,
        orders.source_name || ':' || orders.customer_number as customer_id,
        shops.name as business_unit,
        orders.channel,
        orders.campaign,
        {{ region_of_country_code('coalesce(orders.country, customers.country)') }} as region,
        locations.name as warehouse,
        coalesce(warehouses.time_zone, shops.time_zone) as warehouse_time_zone,
        parcels.carrier,
        shops.currency,
        orders.created_at as placed_at,
        orders.paid_at as confirmed_at,
        -- Shopify learns of a parcel when it leaves
        cast(null as timestamp) as picked_at,
        cast(null as timestamp) as packed_at,
        case when orders.fulfillment_status = 'FULFILLED' then parcels.last_left_at end as shipped_at,
        case when orders.fulfillment_status = 'FULFILLED' then parcels.delivered_at end as delivered_at,
        orders.cancelled_at,
        orders.requested_on,
        {{ day_in('orders.promised_at', 'coalesce(warehouses.time_zone, shops.time_zone)') }} as promised_on,
        {{ day_in('orders.promised_at', 'coalesce(warehouses.time_zone, shops.time_zone)') }} as first_promised_on,
        cast(null as timestamp) as promise_moved_at,
        true as has_linked_corrections,
        -- the shop does not tell whose hand it was
        {%- for step in order_steps() %}
        cast(null as varchar) as {{ step }}_by{{ ',' if not loop.last }}
        {%- endfor %}
    from orders
    left join parcels
        on orders.source_name = parcels.source_name
        and orders.order_number = parcels.order_number
    left join customers
        on orders.source_name = customers.source_name
        and orders.customer_number = customers.customer_number
    left join shops
        on orders.source_name = shops.source_name
        and not shops.is_deleted
    left join locations
        on orders.source_name = locations.source_name
        and coalesce(parcels.location_number, orders.location_number) = locations.location_number
    left join warehouses
        on locations.name = warehouses.warehouse
    where not orders.is_deleted and not orders.is_test
)

select * from final
