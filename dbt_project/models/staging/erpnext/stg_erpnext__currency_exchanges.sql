{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'currency_exchanges') }}
),

parsed as (
    {{ parse('source', ['name', 'date', 'from_currency', 'to_currency', 'exchange_rate']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as exchange_name,
        try_cast(date as date) as valid_from_on,
        from_currency,
        to_currency,
        try_cast(exchange_rate as double) as exchange_rate
    from parsed
)

select * from renamed
{{ newest_per_key() }}
