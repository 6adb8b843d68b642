{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'purchase_line') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'purchase',
        'type',
        'product',
        'quantity',
        'delivery_date_edit',
        'delivery_date_store',
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as purchase_line_id,
        try_cast(purchase as bigint) as purchase_id,
        type as kind,
        try_cast(product as bigint) as product_id,
        try_cast(quantity as decimal(18, 4)) as quantity,
        lower(delivery_date_edit) in ('true', '1') as is_delivery_date_edited,
        try_cast(delivery_date_store as date) as edited_delivery_on
    from parsed
)

select * from renamed
{{ newest_per_key() }}
