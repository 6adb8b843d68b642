{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'product_product') }}
),

parsed as (
    {{ parse('source', ['id', 'default_code', 'name', 'categ_id', 'type', 'list_price', 'standard_price', 'company_id', 'detailed_type']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as product_id,
        default_code as code,
        name,
        try_cast(categ_id as bigint) as category_id,
        coalesce(detailed_type, type) as kind,
        try_cast(list_price as decimal(18, 4)) as list_price,
        try_cast(standard_price as decimal(18, 4)) as cost_price,
        try_cast(company_id as bigint) as company_id
    from parsed
)

select * from renamed
{{ newest_per_key() }}
