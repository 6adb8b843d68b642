{{ config(enabled=has_kind('odoo')) }}

with
sale_orders as (
    select * from {{ ref('stg_odoo__sale_orders') }}
    where {{ only_changed('int_changed_orders', "source_name || ':' || sale_id", 'order_id') }}
),

pickings as (
    select * from {{ ref('stg_odoo__pickings') }}
),

document_states as (
    select * from {{ ref('int_document_states__odoo') }}
),

picking_types as (
    select * from {{ ref('stg_odoo__picking_types') }}
),

partners as (
    select * from {{ ref('stg_odoo__partners') }}
),

companies as (
    select * from {{ ref('stg_odoo__companies') }}
),

currencies as (
    select * from {{ ref('stg_odoo__currencies') }}
),

countries as (
    select * from {{ ref('stg_odoo__countries') }}
),

media as (
    select * from {{ ref('stg_odoo__media') }}
),

campaigns as (
    select * from {{ ref('stg_odoo__campaigns') }}
),

carriers as (
    select * from {{ ref('stg_odoo__carriers') }}
),

own_warehouses as (
    select * from {{ ref('stg_odoo__warehouses') }}
),

warehouses as (
    select * from {{ ref('warehouses') }}
),

-- A quotation that was never sent is no order yet, and none that was cancelled as such. Where histories may not be read nobody knows: it counts.
orders as (
    select
        sale_orders.*,
        coalesce(sale_states.sent_at, sale_orders.created_at) as placed_at,
        coalesce(sale_states.confirmed_at, case when sale_orders.state in ('sale', 'done') then sale_orders.ordered_at end) as confirmed_at,
        case when sale_orders.state = 'cancel' then coalesce(sale_states.cancelled_at, sale_orders.changed_at) end as cancelled_at,
        own_warehouses.code as warehouse,
        coalesce(warehouses.time_zone, homes.time_zone, company_homes.time_zone) as warehouse_time_zone,
        companies.name as business_unit
    from sale_orders
    left join document_states as sale_states
        on sale_orders.source_name = sale_states.source_name
        and sale_states.model = 'sale.order'
        and sale_orders.sale_id = sale_states.document_id
    left join companies
        on sale_orders.source_name = companies.source_name
        and sale_orders.company_id = companies.company_id
    left join partners as company_homes
        on companies.source_name = company_homes.source_name
        and companies.partner_id = company_homes.partner_id
    left join own_warehouses
        on sale_orders.source_name = own_warehouses.source_name
        and sale_orders.warehouse_id = own_warehouses.warehouse_id
    left join partners as homes
        on own_warehouses.source_name = homes.source_name
        and own_warehouses.partner_id = homes.partner_id
    left join warehouses
        on own_warehouses.code = warehouses.warehouse
    where not sale_orders.is_deleted
        and (
            sale_orders.state in ('sent', 'sale', 'done')
            or (sale_orders.state = 'cancel' and not coalesce(sale_states.was_never_sent, false))
        )
),

-- a transfer is a step of its order's way; an order is as far as the last of them
transfers as (
    select
        pickings.source_name,
        pickings.sale_id,
        pickings.picking_id,
        pickings.carrier_id,
        case when picking_types.direction = 'outgoing' then 'ship' else lower(picking_types.step) end as step,
        case when pickings.state = 'done' then pickings.done_at end as done_at,
        -- where nobody writes down when a parcel arrived, it did when it left
        case when pickings.state = 'done' and not pickings.tells_delivery then pickings.done_at else pickings.delivered_at end as delivered_at,
        {{ day_in('pickings.scheduled_at', 'orders.warehouse_time_zone') }} as scheduled_on,
        {{ day_in('picking_states.first_scheduled_at', 'orders.warehouse_time_zone') }} as first_scheduled_on,
        picking_states.rescheduled_at
    from pickings
    inner join orders
        on pickings.source_name = orders.source_name
        and pickings.sale_id = orders.sale_id
    inner join picking_types
        on pickings.source_name = picking_types.source_name
        and pickings.picking_type_id = picking_types.picking_type_id
        and (picking_types.direction = 'outgoing' or picking_types.step in ('PICK', 'PACK'))
    left join document_states as picking_states
        on pickings.source_name = picking_states.source_name
        and picking_states.model = 'stock.picking'
        and pickings.picking_id = picking_states.document_id
    where not pickings.is_deleted and pickings.state <> 'cancel'
),

parcels as (
    select
        source_name,
        sale_id,
        {%- for step, name in [('pick', 'picked'), ('pack', 'packed'), ('ship', 'shipped')] %}
        {{ last_of_all('done_at', "step = '" ~ step ~ "'") }} as {{ name }}_at,
        {%- endfor %}
        {{ last_of_all('delivered_at', "step = 'ship'") }} as delivered_at,
        max(scheduled_on) filter (where step = 'ship' and rescheduled_at is not null) as rescheduled_to,
        max(coalesce(first_scheduled_on, scheduled_on)) filter (where step = 'ship') as first_scheduled_on,
        min(rescheduled_at) filter (where step = 'ship' and scheduled_on <> first_scheduled_on) as rescheduled_at,
        arg_max(carrier_id, (coalesce(done_at, timestamp '0001-01-01'), picking_id)) filter (where step = 'ship') as carrier_id
    from transfers
    group by source_name, sale_id
),

-- a parcel that is scheduled anew for a day behind the promised one moves the promise
promised as (
    select
        orders.source_name,
        orders.sale_id,
        coalesce({{ day_in('orders.promised_at', 'orders.warehouse_time_zone') }}, parcels.first_scheduled_on) as first_promised_on
    from orders
    left join parcels
        on orders.source_name = parcels.source_name
        and orders.sale_id = parcels.sale_id
),

final as (
    select
        orders.source_name || ':' || orders.sale_id as order_id,
        orders.source_name,
        orders.number as order_number,
        orders.source_name || ':' || coalesce(customers.commercial_partner_id, orders.partner_id) as customer_id,
        orders.business_unit,
        lower(media.name) as channel,
        coalesce(campaigns.title, campaigns.name) as campaign,
        {{ region_of_country_code('countries.code') }} as region,
        orders.warehouse,
        orders.warehouse_time_zone,
        carriers.name as carrier,
        currencies.code as currency,
        orders.placed_at,
        orders.confirmed_at,
        parcels.picked_at,
        parcels.packed_at,
        parcels.shipped_at,
        parcels.delivered_at,
        orders.cancelled_at,
        orders.requested_on,
        greatest(promised.first_promised_on, parcels.rescheduled_to) as promised_on,
        promised.first_promised_on,
        case when parcels.rescheduled_to > promised.first_promised_on then parcels.rescheduled_at end as promise_moved_at,
        true as has_linked_corrections,
        -- what lands of its histories does not tell whose hand it was
        {%- for step in order_steps() %}
        cast(null as varchar) as {{ step }}_by{{ ',' if not loop.last }}
        {%- endfor %}
    from orders
    left join parcels
        on orders.source_name = parcels.source_name
        and orders.sale_id = parcels.sale_id
    left join promised
        on orders.source_name = promised.source_name
        and orders.sale_id = promised.sale_id
    left join partners as customers
        on orders.source_name = customers.source_name
        and orders.partner_id = customers.partner_id
    left join partners as addresses
        on orders.source_name = addresses.source_name
        and coalesce(orders.shipping_partner_id, orders.partner_id) = addresses.partner_id
    left join countries
        on addresses.source_name = countries.source_name
        and addresses.country_id = countries.country_id
    left join currencies
        on orders.source_name = currencies.source_name
        and orders.currency_id = currencies.currency_id
    left join media
        on orders.source_name = media.source_name
        and orders.medium_id = media.medium_id
    left join campaigns
        on orders.source_name = campaigns.source_name
        and orders.campaign_id = campaigns.campaign_id
    left join carriers
        on parcels.source_name = carriers.source_name
        and parcels.carrier_id = carriers.carrier_id
)

select * from final
