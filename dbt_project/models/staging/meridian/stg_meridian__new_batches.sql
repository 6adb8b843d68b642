with
source as (
    select * from {{ source('meridian', 'new_batches') }}
),

renamed as (
    select batch as batch_id
    from source
)

select * from renamed
