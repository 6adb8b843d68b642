with
source as (
    select * from {{ source('meridian', 'stream_days') }}
),

renamed as (
    select
        source as source_name,
        kind,
        stream,
        feeds,
        day,
        state,
        why,
        who,
        records,
        job as backfill,
        read_at
    from source
)

select * from renamed
