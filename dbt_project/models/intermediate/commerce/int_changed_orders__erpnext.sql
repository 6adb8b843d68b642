{{ config(enabled=has_kind('erpnext'), materialized='view') }}

with
sales_orders as (
    select * from {{ ref('stg_erpnext__sales_orders') }}
),

order_items as (
    select * from {{ ref('stg_erpnext__sales_order_items') }}
),

delivery_notes as (
    select * from {{ ref('stg_erpnext__delivery_notes') }}
),

items as (
    select * from {{ ref('stg_erpnext__items') }}
),

companies as (
    select * from {{ ref('stg_erpnext__companies') }}
),

warehouses as (
    select * from {{ ref('stg_erpnext__warehouses') }}
),

document_states as (
    select * from {{ ref('int_document_states__erpnext') }}
),

changed_documents as (
    select * from {{ ref('int_changed_documents__erpnext') }}
),

order_parts as (
    select * from {{ ref('int_order_parts__erpnext') }}
),

-- documents that came tonight, with a step tonight, or with one that the last build left out
changed_parts as (
    select source_name, 'Sales Order' as doctype, record_key as part_name from sales_orders where {{ landed_tonight() }}
    union
    select source_name, 'Sales Order', order_name
    from sales_orders
    where created_at >= {{ end_of_last_build() }} or changed_at >= {{ end_of_last_build() }}
    union
    select source_name, 'Delivery Note', record_key from delivery_notes where {{ landed_tonight() }}
    union
    select source_name, doctype, document_name from changed_documents
    union
    select source_name, doctype, document_name
    from document_states
    where greatest(submitted_at, cancelled_at, picked_at, packed_at, shipped_at, delivered_at, promise_moved_at) >= {{ end_of_last_build() }}
),

concerned as (
    select source_name, part_name as order_name from changed_parts where doctype = 'Sales Order'
    union
    -- of a delivery note its orders; of a later version the one before
    select order_parts.source_name, order_parts.order_name
    from order_parts
    semi join changed_parts using (source_name, doctype, part_name)
    union
    -- of an earlier version the later ones, which begin with it
    select order_parts.source_name, order_parts.part_name
    from order_parts
    semi join changed_parts
        on order_parts.source_name = changed_parts.source_name
        and order_parts.doctype = changed_parts.doctype
        and order_parts.order_name = changed_parts.part_name
    where order_parts.doctype = 'Sales Order'
    union
    select order_items.source_name, order_items.order_name
    from order_items
    semi join items
        on order_items.source_name = items.source_name
        and order_items.item_code = items.item_code
        and {{ landed_tonight('items.batch_id') }}
    union
    -- names that any order may be seen through: these are few and change seldom
    select source_name, order_name
    from sales_orders
    where {{ has_landed_tonight('companies') }} or {{ has_landed_tonight('warehouses') }}
),

final as (
    select source_name || ':' || order_name as order_id
    from concerned
    where order_name is not null
)

select * from final
