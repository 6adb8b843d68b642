{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'rosters') }}
),

parsed as (
    {{ parse('source', ['agent', 'team', 'time_zone', 'starts_at', 'ends_at']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(agent), '') as agent,
        nullif(trim(team), '') as team,
        nullif(trim(time_zone), '') as time_zone,
        {{ utc('starts_at') }} as starts_at,
        {{ utc('ends_at') }} as ends_at,
        {{ unread({'starts_at': 'timestamptz', 'ends_at': 'timestamptz'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
