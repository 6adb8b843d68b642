{{ config(enabled=has_kind('erpnext')) }}

with
items as (
    select * from {{ ref('stg_erpnext__items') }}
),

companies as (
    select * from {{ ref('stg_erpnext__companies') }}
),

-- items belong to no company: of several the first one's currency stands for the source
company as (
    select
        source_name,
        arg_min(default_currency, company) as currency
    from companies
    where not is_deleted
    group by source_name
),

final as (
    select
        items.source_name || ':' || items.item_code as native_product_id,
        items.source_name,
        items.item_code as product,
        items.item_name as product_name,
        items.item_group as category,
        case when items.is_stock_item then 'goods' else 'service' end as kind,
        items.standard_rate as list_price,
        items.valuation_rate as cost_price,
        company.currency
    from items
    left join company
        on items.source_name = company.source_name
    where not items.is_deleted
)

select * from final
