{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('shopify', 'customers') }}
),

parsed as (
    {{ parse('source', ['createdAt', 'defaultAddress', 'customerNumber'], nested=['defaultAddress', 'customerNumber']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        {{ shopify_number('record_key') }} as customer_number,
        json_extract_string(customernumber, '$.value') as number_elsewhere,
        json_extract_string(defaultaddress, '$.countryCodeV2') as country,
        {{ utc('createdAt') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
