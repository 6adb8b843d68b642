with
source as (
    select * from {{ source('meridian', 'holidays') }}
),

renamed as (
    select
        calendar,
        day
    from source
)

select * from renamed
