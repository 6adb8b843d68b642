with
source as (
    select * from {{ source('meridian', 'previous_quarantine') }}
),

renamed as (
    select
        source_name,
        entity,
        row_key,
        reason,
        first_seen_on
    from source
)

select * from renamed
