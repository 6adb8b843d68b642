{{ config(enabled=has_kind('tryton')) }}

with
sales as (
    select * from {{ ref('stg_tryton__sales') }}
    where {{ only_changed('int_changed_orders', "source_name || ':' || sale_id", 'order_id') }}
),

sale_lines as (
    select * from {{ ref('stg_tryton__sale_lines') }}
    where {{ only_changed('int_changed_orders', "source_name || ':' || sale_id", 'order_id') }}
),

moves as (
    select * from {{ ref('stg_tryton__moves') }}
),

shipments as (
    select * from {{ ref('stg_tryton__customer_shipments') }}
),

document_states as (
    select * from {{ ref('int_document_states__tryton') }}
),

currencies as (
    select * from {{ ref('stg_tryton__currencies') }}
),

campaigns as (
    select * from {{ ref('stg_tryton__marketing_campaigns') }}
),

media as (
    select * from {{ ref('stg_tryton__marketing_media') }}
),

addresses as (
    select * from {{ ref('stg_tryton__addresses') }}
),

countries as (
    select * from {{ ref('stg_tryton__countries') }}
),

locations as (
    select * from {{ ref('stg_tryton__locations') }}
),

carriers as (
    select * from {{ ref('stg_tryton__carriers') }}
),

companies as (
    select * from {{ ref('stg_tryton__companies') }}
),

parties as (
    select * from {{ ref('stg_tryton__parties') }}
),

warehouses as (
    select * from {{ ref('warehouses') }}
),

-- a return names the sale it returns; an offer that nobody accepted was never quoted
orders as (
    select *
    from sales
    where not is_deleted
        and quoted_on is not null
        and origin_model is distinct from 'sale.sale'
),

parcels_of_orders as (
    select distinct
        moves.source_name,
        sale_lines.sale_id,
        moves.shipment_id
    from moves
    inner join sale_lines
        on moves.source_name = sale_lines.source_name
        and moves.origin_id = sale_lines.sale_line_id
        and not sale_lines.is_deleted
    where not moves.is_deleted
        and moves.origin_model = 'sale.line'
        and moves.shipment_model = 'stock.shipment.out'
        and moves.state <> 'cancelled'
),

-- an order is as far as its last parcel
parcels as (
    select
        parcels_of_orders.source_name,
        parcels_of_orders.sale_id,
        {%- for step in ['picked', 'packed', 'shipped', 'done'] %}
        {{ last_of_all('document_states.' ~ step ~ '_at') }} as {{ step }}_at,
        arg_max(document_states.{{ step }}_by, (document_states.{{ step }}_at, document_states.document_id)) as {{ step }}_by,
        {%- endfor %}
        max(shipments.planned_on) as planned_on,
        max(shipments.first_planned_on) as first_planned_on,
        min(document_states.planned_date_written_at) filter (where shipments.planned_on <> shipments.first_planned_on) as promise_moved_at,
        arg_max(shipments.carrier_id, (coalesce(document_states.shipped_at, timestamp '0001-01-01'), shipments.shipment_id)) as carrier_id
    from parcels_of_orders
    inner join shipments
        on parcels_of_orders.source_name = shipments.source_name
        and parcels_of_orders.shipment_id = shipments.shipment_id
        and not shipments.is_deleted
        and shipments.state <> 'cancelled'
    left join document_states
        on parcels_of_orders.source_name = document_states.source_name
        and document_states.model = 'stock.shipment.out'
        and parcels_of_orders.shipment_id = document_states.document_id
    group by parcels_of_orders.source_name, parcels_of_orders.sale_id
),

-- the API does not tell which of several companies sold: the first one stands for the source
company as (
    select
        companies.source_name,
        arg_min(coalesce(companies.company_name, parties.name), companies.company_id) as name,
        arg_min(companies.time_zone, companies.company_id) as time_zone
    from companies
    left join parties
        on companies.source_name = parties.source_name
        and companies.party_id = parties.party_id
    where not companies.is_deleted
    group by companies.source_name
),

final as (
    select
        orders.source_name || ':' || orders.sale_id as order_id,
        orders.source_name,
        orders.number as order_number,
        orders.source_name || ':' || orders.party_id as customer_id,
        company.name as business_unit,
        media.name as channel,
        campaigns.name as campaign,
        countries.region,
        locations.code as warehouse,
        coalesce(warehouses.time_zone, company.time_zone) as warehouse_time_zone,
        carriers.name as carrier,
        currencies.code as currency,
        -- a sale won from a lead was created at the offer, before anybody ordered
        coalesce(sale_states.quotation_at, orders.created_at) as placed_at,
        sale_states.confirmed_at,
        parcels.picked_at,
        parcels.packed_at,
        parcels.shipped_at,
        parcels.done_at as delivered_at,
        case when orders.state = 'cancelled' then coalesce(sale_states.cancelled_at, orders.changed_at) end as cancelled_at,
        try_cast(nullif(regexp_extract(orders.comment, 'Requested on (\d{4}-\d\d-\d\d)', 1), '') as date) as requested_on,
        coalesce(parcels.planned_on, orders.shipping_on) as promised_on,
        coalesce(parcels.first_planned_on, orders.shipping_on) as first_promised_on,
        parcels.promise_moved_at,
        true as has_linked_corrections,
        {{ account('orders.source_name', 'sale_states.quotation_by', 0) }} as placed_by,
        {{ account('orders.source_name', 'sale_states.confirmed_by', 0) }} as confirmed_by,
        {%- for step, column in [('picked', 'picked'), ('packed', 'packed'), ('shipped', 'shipped'), ('delivered', 'done')] %}
        {{ account('orders.source_name', 'parcels.' ~ column ~ '_by', 0) }} as {{ step }}_by{{ ',' if not loop.last }}
        {%- endfor %}
    from orders
    left join document_states as sale_states
        on orders.source_name = sale_states.source_name
        and sale_states.model = 'sale.sale'
        and orders.sale_id = sale_states.document_id
    left join parcels
        on orders.source_name = parcels.source_name
        and orders.sale_id = parcels.sale_id
    left join company
        on orders.source_name = company.source_name
    left join currencies
        on orders.source_name = currencies.source_name
        and orders.currency_id = currencies.currency_id
    left join media
        on orders.source_name = media.source_name
        and orders.medium_id = media.medium_id
    left join campaigns
        on orders.source_name = campaigns.source_name
        and orders.campaign_id = campaigns.campaign_id
    left join addresses
        on orders.source_name = addresses.source_name
        and orders.shipment_address_id = addresses.address_id
    left join countries
        on addresses.source_name = countries.source_name
        and addresses.country_id = countries.country_id
    left join locations
        on orders.source_name = locations.source_name
        and orders.warehouse_id = locations.location_id
    left join warehouses
        on locations.code = warehouses.warehouse
    left join carriers
        on parcels.source_name = carriers.source_name
        and parcels.carrier_id = carriers.carrier_id
)

select * from final
