{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'projects') }}
),

parsed as (
    {{ parse('source', ['project', 'unit', 'kpi', 'direction', 'registered_on', 'starts_on', 'expected_effect', 'segment_type', 'segment', 'suggestion', 'guard_rails']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(project), '') as project,
        nullif(trim(unit), '') as unit,
        nullif(trim(kpi), '') as kpi,
        lower(nullif(trim(direction), '')) as direction,
        try_cast(registered_on as date) as registered_on,
        try_cast(starts_on as date) as starts_on,
        try_cast(expected_effect as double) as expected_effect,
        coalesce(nullif(trim(segment_type), ''), 'all') as segment_type,
        coalesce(nullif(trim(segment), ''), 'all') as segment,
        nullif(trim(suggestion), '') as suggestion,
        nullif(trim(guard_rails), '') as guard_rails,
        {{ unread({'registered_on': 'date', 'starts_on': 'date', 'expected_effect': 'double'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
