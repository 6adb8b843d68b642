{{ config(enabled=has_kind('erpnext')) }}

with recursive
sales_orders as (
    select * from {{ ref('stg_erpnext__sales_orders') }}
),

order_items as (
    select * from {{ ref('stg_erpnext__sales_order_items') }}
    where {{ only_changed('int_changed_orders', "source_name || ':' || order_name", 'order_id') }}
),

note_items as (
    select * from {{ ref('stg_erpnext__delivery_note_items') }}
),

delivery_notes as (
    select * from {{ ref('stg_erpnext__delivery_notes') }}
),

document_states as (
    select * from {{ ref('int_document_states__erpnext') }}
),

changes as (
    select * from {{ ref('stg_erpnext__changes') }}
),

companies as (
    select * from {{ ref('stg_erpnext__companies') }}
),

places as (
    select * from {{ ref('stg_erpnext__warehouses') }}
),

warehouses as (
    select * from {{ ref('warehouses') }}
),

-- an order that was cancelled to be amended goes on as its later version
orders as (
    select * from sales_orders
    where not is_deleted
        and {{ only_changed('int_changed_orders', "source_name || ':' || order_name", 'order_id') }}
        and (source_name, order_name) not in (
            select (source_name, amended_from) from sales_orders where not is_deleted and amended_from is not null
        )
),

versions_of_orders as (
    select
        source_name,
        order_name,
        order_name as version_name,
        amended_from
    from orders
    union
    select
        versions_of_orders.source_name,
        versions_of_orders.order_name,
        sales_orders.order_name as version_name,
        sales_orders.amended_from
    from versions_of_orders
    inner join sales_orders
        on versions_of_orders.source_name = sales_orders.source_name
        and versions_of_orders.amended_from = sales_orders.order_name
        and not sales_orders.is_deleted
),

-- it was placed and confirmed when its first version was; what was imported as submitted has no history
beginnings as (
    select
        versions_of_orders.source_name,
        versions_of_orders.order_name,
        min(sales_orders.created_at) as placed_at,
        min(coalesce(document_states.submitted_at, case when sales_orders.docstatus > 0 then sales_orders.created_at end)) as confirmed_at
    from versions_of_orders
    inner join sales_orders
        on versions_of_orders.source_name = sales_orders.source_name
        and versions_of_orders.version_name = sales_orders.order_name
    left join document_states
        on versions_of_orders.source_name = document_states.source_name
        and document_states.doctype = 'Sales Order'
        and versions_of_orders.version_name = document_states.document_name
    group by versions_of_orders.source_name, versions_of_orders.order_name
),

parcels_of_orders as (
    select distinct
        source_name,
        order_name,
        note_name
    from note_items
    where not is_deleted
        and order_name is not null
        and {{ only_changed('int_changed_orders', "source_name || ':' || order_name", 'order_id') }}
),

-- an order is as far as its last parcel
parcels as (
    select
        parcels_of_orders.source_name,
        parcels_of_orders.order_name,
        {%- for step in ['picked', 'packed', 'delivered'] %}
        {{ last_of_all('document_states.' ~ step ~ '_at') }} as {{ step }}_at,
        {%- endfor %}
        case
            when count(*) filter (where delivery_notes.docstatus = 1) = count(*)
                then max(coalesce(document_states.shipped_at, document_states.submitted_at, delivery_notes.created_at))
        end as shipped_at,
        arg_max(
            delivery_notes.carrier,
            (coalesce(document_states.shipped_at, document_states.submitted_at, timestamp '0001-01-01'), delivery_notes.note_name)
        ) as carrier
    from parcels_of_orders
    inner join delivery_notes
        on parcels_of_orders.source_name = delivery_notes.source_name
        and parcels_of_orders.note_name = delivery_notes.note_name
        and not delivery_notes.is_deleted
        and not coalesce(delivery_notes.is_return, false)
        and delivery_notes.docstatus <> 2
    left join document_states
        on parcels_of_orders.source_name = document_states.source_name
        and document_states.doctype = 'Delivery Note'
        and parcels_of_orders.note_name = document_states.document_name
    group by parcels_of_orders.source_name, parcels_of_orders.order_name
),

-- in a format with the day first no second part is above 12
date_formats as (
    select
        source_name,
        coalesce(bool_or(try_cast(split_part(replace(replace(old_value, '/', '-'), '.', '-'), '-', 2) as bigint) > 12), false) as is_month_first
    from changes
    where field = 'delivery_date'
    group by source_name
),

-- the warehouse of the whole order, else that of its rows
places_of_orders as (
    select
        source_name,
        order_name,
        min(warehouse_key) as warehouse_key
    from order_items
    where not is_deleted
    group by source_name, order_name
),

promises as (
    select
        orders.source_name,
        orders.order_name,
        coalesce(
            {{ date_of_history('document_states.first_promise', 'coalesce(date_formats.is_month_first, false)') }},
            orders.delivery_on
        ) as first_promised_on
    from orders
    left join document_states
        on orders.source_name = document_states.source_name
        and document_states.doctype = 'Sales Order'
        and orders.order_name = document_states.document_name
    left join date_formats
        on orders.source_name = date_formats.source_name
),

final as (
    select
        orders.source_name || ':' || orders.order_name as order_id,
        orders.source_name,
        orders.order_name as order_number,
        orders.source_name || ':' || orders.customer_name as customer_id,
        coalesce(companies.company_name, orders.company) as business_unit,
        orders.channel,
        orders.campaign,
        {{ region_of_territory('orders.territory') }} as region,
        coalesce(places.warehouse, orders.warehouse_key) as warehouse,
        warehouses.time_zone as warehouse_time_zone,
        parcels.carrier,
        orders.currency,
        beginnings.placed_at,
        beginnings.confirmed_at,
        parcels.picked_at,
        parcels.packed_at,
        parcels.shipped_at,
        parcels.delivered_at,
        case
            when orders.docstatus = 2 or (orders.docstatus = 0 and regexp_matches(lower(orders.workflow_state), 'cancel|reject'))
                then coalesce(order_states.cancelled_at, orders.changed_at)
        end as cancelled_at,
        orders.requested_on,
        orders.delivery_on as promised_on,
        promises.first_promised_on,
        case when promises.first_promised_on <> orders.delivery_on then order_states.promise_moved_at end as promise_moved_at,
        true as has_linked_corrections,
        -- what lands of its histories does not tell whose hand it was
        {%- for step in order_steps() %}
        cast(null as varchar) as {{ step }}_by{{ ',' if not loop.last }}
        {%- endfor %}
    from orders
    inner join beginnings
        on orders.source_name = beginnings.source_name
        and orders.order_name = beginnings.order_name
    inner join promises
        on orders.source_name = promises.source_name
        and orders.order_name = promises.order_name
    left join document_states as order_states
        on orders.source_name = order_states.source_name
        and order_states.doctype = 'Sales Order'
        and orders.order_name = order_states.document_name
    left join parcels
        on orders.source_name = parcels.source_name
        and orders.order_name = parcels.order_name
    left join places_of_orders
        on orders.source_name = places_of_orders.source_name
        and orders.order_name = places_of_orders.order_name
    left join places
        on orders.source_name = places.source_name
        and coalesce(orders.warehouse_key, places_of_orders.warehouse_key) = places.warehouse_key
        and not places.is_deleted
    left join warehouses
        on places.warehouse = warehouses.warehouse
    left join companies
        on orders.source_name = companies.source_name
        and orders.company = companies.company
        and not companies.is_deleted
)

select * from final
