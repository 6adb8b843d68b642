{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'res_users') }}
),

parsed as (
    {{ parse('source', ['id', 'login', 'name', 'email', 'partner_id']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as user_id,
        login,
        name,
        email,
        try_cast(partner_id as bigint) as partner_id
    from parsed
)

select * from renamed
{{ newest_per_key() }}
