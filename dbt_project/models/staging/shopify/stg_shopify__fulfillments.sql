-- An order is taken apart into its fulfilments here, once.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('shopify', 'orders') }}
),

parsed as (
    {{ parse('source', ['fulfillments'], nested=['fulfillments']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

-- one without any keeps one row, or a later reading of it could not replace an earlier one
opened as (
    select
        *,
        unnest(coalesce(nullif(json_transform(fulfillments, '[{
                "id": "VARCHAR", "status": "VARCHAR", "createdAt": "VARCHAR", "deliveredAt": "VARCHAR", "location": {"id": "VARCHAR"},
                "trackingInfo": [{"company": "VARCHAR"}]
            }]'), []), [null])) as fulfillment
    from newest
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        {{ shopify_number('record_key') }} as order_number,
        {{ shopify_number('fulfillment.id') }} as fulfillment_number,
        fulfillment.status,
        {{ shopify_number('fulfillment.location.id') }} as location_number,
        fulfillment.trackinginfo[1].company as carrier,
        {{ utc('fulfillment.createdAt') }} as created_at,
        {{ utc('fulfillment.deliveredAt') }} as delivered_at
    from opened
)

select * from renamed
