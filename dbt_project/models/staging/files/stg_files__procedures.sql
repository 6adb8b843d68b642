{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'procedures') }}
),

parsed as (
    {{ parse('source', ['process', 'step', 'activity', 'must_follow', 'within_hours', 'at_most_once', 'different_person']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(process), '') as process,
        try_cast(step as integer) as step,
        nullif(trim(activity), '') as activity,
        nullif(trim(must_follow), '') as must_follow,
        try_cast(within_hours as double) as within_hours,
        coalesce(lower(trim(at_most_once)) in ('yes', 'true', '1', '是'), false) as at_most_once,
        nullif(trim(different_person), '') as different_person,
        {{ unread({'step': 'integer', 'within_hours': 'double'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
