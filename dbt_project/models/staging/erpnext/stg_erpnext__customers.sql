{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'customers') }}
),

parsed as (
    {{ parse('source', ['name', 'territory', 'customer_primary_address', 'creation', '_time_zone']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as customer_name,
        territory,
        customer_primary_address as address_name,
        {{ site_instant('creation') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
