{{ config(enabled=has_kind('tryton'), materialized='view') }}

with
sales as (
    select * from {{ ref('stg_tryton__sales') }}
),

sale_lines as (
    select * from {{ ref('stg_tryton__sale_lines') }}
),

moves as (
    select * from {{ ref('stg_tryton__moves') }}
),

shipments as (
    select * from {{ ref('stg_tryton__customer_shipments') }}
),

addresses as (
    select * from {{ ref('stg_tryton__addresses') }}
),

parties as (
    select * from {{ ref('stg_tryton__parties') }}
),

document_states as (
    select * from {{ ref('int_document_states__tryton') }}
),

changed_documents as (
    select * from {{ ref('int_changed_documents__tryton') }}
),

order_parts as (
    select * from {{ ref('int_order_parts__tryton') }}
),

products as (
    select * from {{ ref('int_products__tryton') }}
),

products_as_built as (
    {{ as_built('built_products__tryton', {
        'native_product_id': 'varchar',
        'product': 'varchar',
        'product_name': 'varchar',
        'cost_price': 'decimal(18, 4)',
        'currency': 'varchar',
    }) }}
),
{% for model in ['currencies', 'marketing_campaigns', 'marketing_media', 'countries', 'locations', 'carriers', 'companies'] %}
{{ model }} as (
    select * from {{ ref('stg_tryton__' ~ model) }}
),
{% endfor %}
changed_products as (
    select native_product_id from (
        select native_product_id, product, product_name, cost_price, currency from products
        except
        select * from products_as_built
    )
),

-- documents with a step tonight, or with one that the last build left out
stepped as (
    select source_name, model, document_id as part_id
    from changed_documents
    union
    select source_name, model, document_id as part_id
    from document_states
    where greatest(
        quotation_at, confirmed_at, picked_at, packed_at, shipped_at, done_at, cancelled_at, planned_date_written_at
    ) >= {{ end_of_last_build() }}
),

changed_parts as (
    select source_name, 'sale.line' as model, try_cast(record_key as bigint) as part_id from sale_lines where {{ landed_tonight() }}
    union
    select source_name, 'stock.move', try_cast(record_key as bigint) from moves where {{ landed_tonight() }}
    union
    select source_name, 'stock.shipment.out', try_cast(record_key as bigint) from shipments where {{ landed_tonight() }}
    union
    select * from stepped
),

concerned as (
    select source_name, try_cast(record_key as bigint) as sale_id from sales where {{ landed_tonight() }}
    union
    select source_name, sale_id from sales where created_at >= {{ end_of_last_build() }} or changed_at >= {{ end_of_last_build() }}
    union
    select source_name, part_id as sale_id from stepped where model = 'sale.sale'
    union
    select order_parts.source_name, order_parts.sale_id
    from order_parts
    semi join changed_parts using (source_name, model, part_id)
    union
    select sale_lines.source_name, sale_lines.sale_id
    from sale_lines
    semi join changed_products on sale_lines.source_name || ':' || sale_lines.product_id = changed_products.native_product_id
    union
    select sales.source_name, sales.sale_id
    from sales
    semi join addresses
        on sales.source_name = addresses.source_name
        and sales.shipment_address_id = addresses.address_id
        and {{ landed_tonight('addresses.batch_id') }}
    union
    -- names that any order may be seen through: of these few change, and seldom
    select source_name, sale_id
    from sales
    where exists (
        select 1 from parties
        semi join companies on parties.source_name = companies.source_name and parties.party_id = companies.party_id
        where {{ landed_tonight('parties.batch_id') }}
    )
    {%- for model in ['currencies', 'marketing_campaigns', 'marketing_media', 'countries', 'locations', 'carriers', 'companies'] %}
        or {{ has_landed_tonight(model) }}
    {%- endfor %}
),

final as (
    select source_name || ':' || sale_id as order_id
    from concerned
    where sale_id is not null
)

select * from final
