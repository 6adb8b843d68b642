{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'res_company') }}
),

parsed as (
    {{ parse('source', ['id', 'name', 'currency_id', 'partner_id']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as company_id,
        name,
        try_cast(currency_id as bigint) as currency_id,
        try_cast(partner_id as bigint) as partner_id
    from parsed
)

select * from renamed
{{ newest_per_key() }}
