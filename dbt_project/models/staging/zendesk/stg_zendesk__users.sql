{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('zendesk', 'users') }}
),

parsed as (
    {{ parse('source', ['id', 'name', 'email', 'role', 'time_zone', 'iana_time_zone', 'external_id', 'tags', 'active', 'created_at', 'updated_at']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as user_number,
        name as user_name,
        email,
        role,
        iana_time_zone as time_zone,
        -- as the vendor calls it ("Berlin"), which is how schedules name theirs
        time_zone as zone_name,
        external_id,
        coalesce(try_cast(tags as varchar[]), []) as tags,
        try_cast(active as boolean) as is_active,
        {{ utc('created_at') }} as created_at,
        {{ utc('updated_at') }} as updated_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
