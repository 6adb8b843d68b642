with
source as (
    select * from {{ source('meridian', 'stream_completeness') }}
),

renamed as (
    select
        source as source_name,
        kind,
        stream,
        day,
        part,
        window_start,
        window_end,
        method,
        rows_in_source,
        rows_landed,
        missing,
        superfluous,
        stale,
        figure,
        reason,
        array_to_string(examples, ', ') as missing_keys,
        requests,
        compared_at
    from source
)

select * from renamed
