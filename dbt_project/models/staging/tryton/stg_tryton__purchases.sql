{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'purchase_purchase') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'number',
        'party',
        'warehouse',
        'purchase_date',
        'delivery_date',
        'state',
        'create_date',
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as purchase_id,
        number,
        try_cast(party as bigint) as party_id,
        try_cast(warehouse as bigint) as warehouse_id,
        try_cast(purchase_date as date) as purchased_on,
        try_cast(delivery_date as date) as delivery_on,
        state,
        {{ utc('create_date') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
