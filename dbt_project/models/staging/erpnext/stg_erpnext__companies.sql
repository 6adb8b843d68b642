{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'companies') }}
),

parsed as (
    {{ parse('source', ['name', 'company_name', 'default_currency']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as company,
        company_name,
        default_currency
    from parsed
)

select * from renamed
{{ newest_per_key() }}
