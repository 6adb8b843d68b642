{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('hubspot', 'companies') }}
),

parsed as (
    {{ parse('source', ['id', 'properties'], nested=['properties']) }}
),

opened as (
    select
        *,
        json_transform(properties, '{"hs_country_region_code": "VARCHAR", "customer_number": "VARCHAR", "createdate": "VARCHAR"}') as property
    from parsed
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as company_number,
        property.hs_country_region_code as country,
        property.customer_number as customer_number,
        {{ utc('property.createdate') }} as created_at
    from opened
)

select * from renamed
{{ newest_per_key() }}
