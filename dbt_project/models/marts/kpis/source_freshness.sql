with
stream_states as (
    select * from {{ ref('stg_meridian__stream_states') }}
),

kpi_sources as (
    select * from {{ ref('int_kpi_sources') }}
),

readers as (
    select
        kind,
        stream,
        count(distinct kpi) as kpi_count
    from kpi_sources
    group by kind, stream
),

final as (
    select
        stream_states.source_name,
        stream_states.kind,
        stream_states.stream,
        stream_states.last_success_at,
        stream_states.last_attempt_at,
        stream_states.is_stale,
        stream_states.stale_reason,
        coalesce(readers.kpi_count, 0) as kpi_count
    from stream_states
    left join readers
        on stream_states.kind = readers.kind
        and stream_states.stream = readers.stream
)

select * from final
