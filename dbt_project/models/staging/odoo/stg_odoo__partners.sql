{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'res_partner') }}
),

parsed as (
    {{ parse('source', ['id', 'name', 'ref', 'commercial_partner_id', 'country_id', 'tz', 'create_date']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as partner_id,
        name,
        ref as reference,
        try_cast(commercial_partner_id as bigint) as commercial_partner_id,
        try_cast(country_id as bigint) as country_id,
        tz as time_zone,
        {{ utc('create_date') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
