{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
products as (
    select * from {{ ref('stg_odoo__products') }}
),

categories as (
    select * from {{ ref('stg_odoo__product_categories') }}
),

companies as (
    select * from {{ ref('stg_odoo__companies') }}
),

currencies as (
    select * from {{ ref('stg_odoo__currencies') }}
),

-- a product of all companies has its cost in the books of the first
company as (
    select
        companies.source_name,
        arg_min(currencies.code, companies.company_id) as currency
    from companies
    inner join currencies
        on companies.source_name = currencies.source_name
        and companies.currency_id = currencies.currency_id
    where not companies.is_deleted
    group by companies.source_name
),

final as (
    select
        products.source_name || ':' || products.product_id as native_product_id,
        products.source_name,
        coalesce(products.code, cast(products.product_id as varchar)) as product,
        products.name as product_name,
        categories.name as category,
        case when products.kind = 'service' then 'service' else 'goods' end as kind,
        products.list_price,
        products.cost_price,
        coalesce(currencies.code, company.currency) as currency
    from products
    left join categories
        on products.source_name = categories.source_name
        and products.category_id = categories.category_id
    left join companies
        on products.source_name = companies.source_name
        and products.company_id = companies.company_id
    left join currencies
        on companies.source_name = currencies.source_name
        and companies.currency_id = currencies.currency_id
    left join company
        on products.source_name = company.source_name
    where not products.is_deleted
)

select * from final
