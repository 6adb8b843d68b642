{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('hubspot', 'owners') }}
),

parsed as (
    {{ parse('source', ['id', 'email', 'archived', 'teams'], nested=['teams']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as owner_number,
        email,
        list_filter(json_transform(teams, '[{"name": "VARCHAR", "primary": "BOOLEAN"}]'), lambda team: team.primary)[1].name as team,
        coalesce(try_cast(archived as boolean), false) as is_archived
    from parsed
)

select * from renamed
{{ newest_per_key() }}
