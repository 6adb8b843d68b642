{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('shopify', 'orders') }}
),

parsed as (
    {{ parse('source', [
        'name',
        'createdAt',
        'updatedAt',
        'cancelledAt',
        'test',
        'customer',
        'shippingAddress',
        'customerJourneySummary',
        'requestedOn',
        'displayFulfillmentStatus',
        'transactions',
        'fulfillmentOrders',
    ], nested=['customer', 'shippingAddress', 'customerJourneySummary', 'requestedOn', 'transactions', 'fulfillmentOrders']) }}
),

opened as (
    select
        *,
        json_transform(transactions, '[{"kind": "VARCHAR", "status": "VARCHAR", "processedAt": "VARCHAR"}]') as payments,
        json_transform(
            fulfillmentorders,
            '[{"status": "VARCHAR", "assignedLocation": {"location": {"id": "VARCHAR"}}, "deliveryMethod": {"maxDeliveryDateTime": "VARCHAR"}}]'
        ) as dispatches
    from parsed
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        {{ shopify_number('record_key') }} as order_number,
        name,
        {{ shopify_number("json_extract_string(customer, '$.id')") }} as customer_number,
        json_extract_string(shippingaddress, '$.countryCodeV2') as country,
        lower(
            coalesce(
                json_extract_string(customerjourneysummary, '$.lastVisit.utmParameters.medium'), json_extract_string(customerjourneysummary, '$.lastVisit.source')
            )
        ) as channel,
        json_extract_string(customerjourneysummary, '$.lastVisit.utmParameters.campaign') as campaign,
        try_cast(json_extract_string(requestedon, '$.value') as date) as requested_on,
        displayfulfillmentstatus as fulfillment_status,
        coalesce(try_cast(test as boolean), false) as is_test,
        {{ utc('createdAt') }} as created_at,
        -- an order is confirmed by its payment
        list_min([{{ utc('one.processedAt') }} for one in payments if one.kind in ('SALE', 'CAPTURE') and one.status = 'SUCCESS']) as paid_at,
        {{ utc('cancelledAt') }} as cancelled_at,
        list_max([{{ utc('one.deliveryMethod.maxDeliveryDateTime') }} for one in dispatches if one.status <> 'CANCELLED']) as promised_at,
        {{ shopify_number("[one.assignedLocation.location.id for one in dispatches if one.status <> 'CANCELLED'][1]") }} as location_number,
        {{ utc('updatedAt') }} as changed_at
    from opened
)

select * from renamed
{{ newest_per_key() }}
