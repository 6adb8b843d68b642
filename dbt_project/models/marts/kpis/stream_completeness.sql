with
comparisons as (
    select * from {{ ref('stg_meridian__stream_completeness') }}
),

final as (
    select
        source_name,
        kind,
        stream,
        day,
        part,
        window_start,
        window_end,
        rows_in_source,
        rows_landed,
        missing,
        superfluous,
        stale,
        figure,
        method,
        reason as not_compared_because,
        missing_keys,
        requests,
        compared_at,
        day = max(day) over (partition by source_name, stream) as is_latest
    from comparisons
)

select * from final
