{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'training') }}
),

parsed as (
    {{ parse('source', ['agent', 'team', 'course', 'planned_on', 'completed_on']) }}
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
        nullif(trim(course), '') as course,
        try_cast(planned_on as date) as planned_on,
        try_cast(completed_on as date) as completed_on,
        {{ unread({'planned_on': 'date', 'completed_on': 'date'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
