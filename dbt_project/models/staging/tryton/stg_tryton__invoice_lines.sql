{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'account_invoice_line') }}
),

parsed as (
    {{ parse('source', ['id', 'invoice', 'origin']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as invoice_line_id,
        try_cast(invoice as bigint) as invoice_id,
        nullif(split_part(origin, ',', 1), '') as origin_model,
        try_cast(split_part(origin, ',', 2) as bigint) as origin_id
    from parsed
)

select * from renamed
{{ newest_per_key() }}
