{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'teams') }}
),

parsed as (
    {{ parse('source', ['team', 'department', 'time_zone', 'calendar']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(team), '') as team,
        nullif(trim(department), '') as department,
        nullif(trim(time_zone), '') as time_zone,
        nullif(trim(calendar), '') as calendar
    from parsed
)

select * from renamed
{{ newest_per_key() }}
