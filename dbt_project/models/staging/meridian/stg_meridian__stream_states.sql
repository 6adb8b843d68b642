with
source as (
    select * from {{ source('meridian', 'stream_states') }}
),

renamed as (
    select
        source as source_name,
        kind,
        stream,
        last_success_at,
        last_attempt_at,
        coalesce(is_stale, false) as is_stale,
        reason as stale_reason
    from source
)

select * from renamed
