{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('hubspot', 'deals') }}
),

parsed as (
    {{ parse('source', ['id', 'properties'], nested=['properties']) }}
),

opened as (
    select
        *,
        json_transform(properties, '{
            "dealname": "VARCHAR", "dealstage": "VARCHAR", "amount": "VARCHAR", "deal_currency_code": "VARCHAR",
            "closed_lost_reason": "VARCHAR", "hubspot_owner_id": "VARCHAR", "hs_analytics_source": "VARCHAR", "hs_analytics_source_data_1": "VARCHAR", "hs_analytics_source_data_2": "VARCHAR",
            "createdate": "VARCHAR", "closedate": "VARCHAR"
        }') as property
    from parsed
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as deal_number,
        property.dealname as deal_name,
        property.dealstage as stage,
        try_cast(property.amount as decimal(18, 4)) as amount,
        property.deal_currency_code as currency,
        property.closed_lost_reason as lost_reason,
        try_cast(property.hubspot_owner_id as bigint) as owner_number,
        property.hs_analytics_source as original_source,
        property.hs_analytics_source_data_1 as original_source_detail_1,
        property.hs_analytics_source_data_2 as original_source_detail_2,
        {{ utc('property.createdate') }} as created_at,
        {{ utc('property.closedate') }} as closed_at
    from opened
)

select * from renamed
{{ newest_per_key() }}
