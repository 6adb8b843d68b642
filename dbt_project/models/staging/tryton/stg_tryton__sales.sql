{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'sale_sale') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'number',
        'party',
        'shipment_address',
        'warehouse',
        'currency',
        'origin',
        'description',
        'comment',
        'quotation_date',
        'shipping_date',
        'untaxed_amount',
        'state',
        'marketing_medium',
        'marketing_campaign',
        'create_date',
        'write_date',
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as sale_id,
        number,
        try_cast(party as bigint) as party_id,
        try_cast(shipment_address as bigint) as shipment_address_id,
        try_cast(warehouse as bigint) as warehouse_id,
        try_cast(currency as bigint) as currency_id,
        -- a reference is written 'sale.sale,12'
        nullif(split_part(origin, ',', 1), '') as origin_model,
        try_cast(split_part(origin, ',', 2) as bigint) as origin_id,
        description,
        comment,
        try_cast(quotation_date as date) as quoted_on,
        try_cast(shipping_date as date) as shipping_on,
        try_cast(untaxed_amount as decimal(18, 4)) as untaxed_amount,
        state,
        try_cast(marketing_medium as bigint) as medium_id,
        try_cast(marketing_campaign as bigint) as campaign_id,
        {{ utc('create_date') }} as created_at,
        {{ utc('write_date') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
