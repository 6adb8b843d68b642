{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'currency_rate') }}
),

parsed as (
    {{ parse('source', ['id', 'currency', 'date', 'rate']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as rate_id,
        try_cast(currency as bigint) as currency_id,
        try_cast("date" as date) as valid_from_on,
        try_cast(rate as double) as rate
    from parsed
)

select * from renamed
{{ newest_per_key() }}
