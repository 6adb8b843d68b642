-- One row per interval, as groups of audits are taken apart: a schedule without any keeps one row, so that a later reading can replace it.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('zendesk', 'schedules') }}
),

parsed as (
    {{ parse('source', ['id', 'name', 'time_zone', 'intervals'], nested=['intervals']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

intervals as (
    select
        *,
        unnest(coalesce(nullif(json_transform(intervals, '[{"start_time": "BIGINT", "end_time": "BIGINT"}]'), []), [null])) as span,
        generate_subscripts(coalesce(nullif(json_transform(intervals, '["JSON"]'), []), [null]), 1) as span_position
    from newest
),

renamed as (
    select
        source_name,
        record_key,
        cast(span_position as bigint) as span_position,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as schedule_number,
        nullif(trim(name), '') as schedule_name,
        time_zone as zone_name,
        span.start_time as opens_minute_of_week,
        span.end_time as closes_minute_of_week
    from intervals
)

select * from renamed
