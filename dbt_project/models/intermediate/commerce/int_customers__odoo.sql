{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
partners as (
    select * from {{ ref('stg_odoo__partners') }}
),

sale_orders as (
    select * from {{ ref('stg_odoo__sale_orders') }}
),

leads as (
    select * from {{ ref('stg_odoo__leads') }}
),

countries as (
    select * from {{ ref('stg_odoo__countries') }}
),

-- the ERP does not mark customers: whoever was sold something, or might be
approached as (
    select source_name, partner_id from sale_orders where not is_deleted
    union
    select source_name, partner_id from leads where not is_deleted
),

-- a company's people are not customers of their own
customers as (
    select distinct
        approached.source_name,
        coalesce(partners.commercial_partner_id, approached.partner_id) as partner_id
    from approached
    left join partners
        on approached.source_name = partners.source_name
        and approached.partner_id = partners.partner_id
    where approached.partner_id is not null
),

final as (
    select
        customers.source_name || ':' || customers.partner_id as customer_id,
        customers.source_name,
        partners.reference as customer_number,
        countries.code as country,
        {{ region_of_country_code('countries.code') }} as region,
        partners.created_at
    from customers
    left join partners
        on customers.source_name = partners.source_name
        and customers.partner_id = partners.partner_id
    left join countries
        on partners.source_name = countries.source_name
        and partners.country_id = countries.country_id
)

select * from final
