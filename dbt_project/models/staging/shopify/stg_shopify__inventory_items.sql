{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('shopify', 'inventory_items') }}
),

parsed as (
    {{ parse('source', ['unitCost', 'requiresShipping'], nested=['unitCost']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        {{ shopify_number('record_key') }} as item_number,
        try_cast(json_extract_string(unitcost, '$.amount') as decimal(18, 4)) as unit_cost,
        json_extract_string(unitcost, '$.currencyCode') as cost_currency,
        try_cast(requiresshipping as boolean) as requires_shipping
    from parsed
)

select * from renamed
{{ newest_per_key() }}
