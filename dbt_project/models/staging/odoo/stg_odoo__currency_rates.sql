{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'res_currency_rate') }}
),

parsed as (
    {{ parse('source', ['id', 'name', 'rate', 'currency_id', 'company_id']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as rate_id,
        try_cast(name as date) as valid_from_on,
        try_cast(rate as double) as rate,
        try_cast(currency_id as bigint) as currency_id,
        try_cast(company_id as bigint) as company_id
    from parsed
)

select * from renamed
{{ newest_per_key() }}
