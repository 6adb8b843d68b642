{{ config(enabled=has_kind('tryton')) }}

with
products as (
    select * from {{ ref('stg_tryton__products') }}
),

templates as (
    select * from {{ ref('stg_tryton__product_templates') }}
),

categories as (
    select * from {{ ref('stg_tryton__product_categories') }}
),

companies as (
    select * from {{ ref('stg_tryton__companies') }}
),

company as (
    select
        source_name,
        arg_min(currency, company_id) as currency
    from companies
    where not is_deleted
    group by source_name
),

-- several categories: the first by name, so that a product is counted once
categorised as (
    select
        templates.source_name,
        templates.template_id,
        min(categories.name) as category
    from templates
    inner join categories
        on templates.source_name = categories.source_name
        and list_contains(templates.category_ids, categories.category_id)
        and not categories.is_for_accounting
        and not categories.is_deleted
    group by templates.source_name, templates.template_id
),

final as (
    select
        products.source_name || ':' || products.product_id as native_product_id,
        products.source_name,
        coalesce(products.code, cast(products.product_id as varchar)) as product,
        templates.name as product_name,
        categorised.category,
        templates.kind,
        templates.list_price,
        products.cost_price,
        company.currency
    from products
    left join templates
        on products.source_name = templates.source_name
        and products.template_id = templates.template_id
    left join categorised
        on products.source_name = categorised.source_name
        and products.template_id = categorised.template_id
    left join company
        on products.source_name = company.source_name
    where not products.is_deleted
)

select * from final
