{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'helpdesk_team') }}
),

parsed as (
    {{ parse('source', ['id', 'name']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as team_id,
        name
    from parsed
)

select * from renamed
{{ newest_per_key() }}
