{{ config(enabled=has_kind('tryton'), materialized='view') }}

with
parties as (
    select * from {{ ref('stg_tryton__parties') }}
),

sales as (
    select * from {{ ref('stg_tryton__sales') }}
),

opportunities as (
    select * from {{ ref('stg_tryton__opportunities') }}
),

addresses as (
    select * from {{ ref('stg_tryton__addresses') }}
),

countries as (
    select * from {{ ref('stg_tryton__countries') }}
),

-- the ERP does not mark customers: whoever was sold something, or might be
customers as (
    select
        source_name,
        party_id
    from sales
    where not is_deleted
    union
    select
        source_name,
        party_id
    from opportunities
    where not is_deleted
),

-- a party's first address is its home
homes as (
    select
        source_name,
        party_id,
        arg_min(country_id, address_id) as country_id
    from addresses
    where not is_deleted and country_id is not null
    group by source_name, party_id
),

final as (
    select
        customers.source_name || ':' || customers.party_id as customer_id,
        customers.source_name,
        parties.code as customer_number,
        countries.code as country,
        countries.region,
        parties.created_at
    from customers
    left join parties
        on customers.source_name = parties.source_name
        and customers.party_id = parties.party_id
    left join homes
        on customers.source_name = homes.source_name
        and customers.party_id = homes.party_id
    left join countries
        on homes.source_name = countries.source_name
        and homes.country_id = countries.country_id
)

select * from final
