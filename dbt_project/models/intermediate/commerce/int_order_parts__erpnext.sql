-- Which order a delivery note or a later version of an order belongs to. It is remembered: a part that is deleted does not say any more whose it was.
{{ config(
    enabled=has_kind('erpnext'),
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_name', 'doctype', 'part_name', 'order_name'],
) }}

with
note_items as (
    select * from {{ ref('stg_erpnext__delivery_note_items') }}
),

sales_orders as (
    select * from {{ ref('stg_erpnext__sales_orders') }}
),

final as (
    select
        source_name,
        'Delivery Note' as doctype,
        note_name as part_name,
        order_name
    from note_items
    where order_name is not null
        and {{ landed_tonight_or_all() }}
    union
    select
        source_name,
        'Sales Order' as doctype,
        order_name as part_name,
        amended_from as order_name
    from sales_orders
    where amended_from is not null
        and {{ landed_tonight_or_all() }}
)

select * from final
